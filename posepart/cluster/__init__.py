"""Many photos on many machines: a pool of actors on a Ray cluster."""

from posepart.cluster.predict import predict

__all__ = ["predict"]
