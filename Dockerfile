# A static binary on an empty image. Build with the version that it should report:
#   docker build --build-arg VERSION=v1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) -t collector .
#
# With BuildKit, --platform linux/amd64,linux/arm64 builds both on this machine's own
# architecture, and SOURCE_DATE_EPOCH makes a second build the same to the byte: see
# `make image-push`.
FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:1.26 AS build
WORKDIR /src
# Modules first: they change less often than the sources, so their layer is reused.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
# Set by BuildKit; without it, this machine's.
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /out/collector ./cmd/collector
# The empty image has no shell to make a directory with.
RUN mkdir -p /out/state

FROM scratch
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="partnercost" \
      org.opencontainers.image.description="Collects the costs of a CSP partner's customers into PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
# Time zones are embedded in the binary.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/collector /collector
# The refresh tokens, rewritten at each use, are the only files that are written.
COPY --from=build --chown=65532:65532 /out/state /var/lib/collector
USER 65532:65532
ENTRYPOINT ["/collector"]
# For the daemon; a one-shot ends before the first check.
HEALTHCHECK --interval=30s --timeout=6s --start-period=1m CMD ["/collector", "health"]
