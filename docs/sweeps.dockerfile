# The image of the pods of a sweep on Kubernetes (docs/sweeps.md). out/ has what `npm run package:cli -- --target linux-x64` makes:
#   docker build -f docs/sweeps.dockerfile -t registry.example/headscope:VERSION out
FROM node:20-bookworm-slim
COPY headscope-cli-linux-*.tgz /tmp/
RUN mkdir /opt/headscope \
  && tar -xzf /tmp/headscope-cli-linux-*.tgz -C /opt/headscope --strip-components=1 \
  && rm /tmp/headscope-cli-linux-*.tgz
ENV PATH=/opt/headscope/bin:$PATH
RUN headscope --version
# Pods run as the person who submits the sweep; this is for running the image by hand.
USER node
