# syntax=docker/dockerfile:1
# Hearth's image: built whole, then only what runs. The account in it is nobody's, and what it keeps is in /data.
#
#   docker build -t hearth .
#   docker run -v hearth:/data -p 127.0.0.1:8008:8008 -e HEARTH_SERVER_NAME=example.org hearth

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
# Installs the locked versions and builds: see "prepare" in package.json.
RUN npm ci --no-audit --no-fund
# What tests and builds need stays behind, in packages as well.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund --workspace=@hearth/server --include-workspace-root
RUN rm -rf packages/*/src packages/*/test packages/test-kit packages/bench interop

FROM node:24-bookworm-slim
RUN useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin hearth \
    && install --directory --owner=hearth --group=hearth --mode=0700 /data
WORKDIR /app
COPY --from=build /app ./
# Inside a container everybody who may come in comes through what publishes the port.
ENV NODE_ENV=production \
    HEARTH_DATA_DIR=/data \
    HEARTH_LISTEN=http://0.0.0.0:8008
USER hearth
VOLUME /data
EXPOSE 8008
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["/app/node_modules/.bin/node", "-e", "fetch('http://127.0.0.1:8008/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Becomes the server itself, so that signals reach it.
ENTRYPOINT ["/app/scripts/hearth"]
CMD ["start"]
