# posepart on a CPU. With PyTorch's CPU index (pytorch.org shows its URL) the image has no CUDA libraries:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=URL -t posepart .
#   docker run --rm --network none -v "$PWD:/data" posepart predict /data/photos -o /data/out
FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL
COPY . /source
RUN pip install --no-cache-dir "/source[video,heic]" && rm -rf /source
USER 1000
WORKDIR /data
ENTRYPOINT ["posepart"]
