"""`predict` for many photos: in threads or processes, resumable, and no error of one photo ends it."""

from posepart.batch.run import RunSummary, predict_photos

__all__ = ["RunSummary", "predict_photos"]
