# A static binary on an empty image. Build with the version it should tell:
#   docker build --build-arg VERSION=v1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) -t collector .
FROM golang:1.26 AS build
WORKDIR /src
# Modules first: they change more seldom than the sources, and their layer is kept.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /out/collector ./cmd/collector
# The empty image has no shell to make a directory with.
RUN mkdir -p /out/state

FROM scratch
# Time zones are embedded in the binary.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/collector /collector
# Refresh tokens are rewritten at each rotation: the only place that is written to.
COPY --from=build --chown=65532:65532 /out/state /var/lib/collector
USER 65532:65532
ENTRYPOINT ["/collector"]
