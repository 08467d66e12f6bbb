# docker build --tag guichet .
# docker run --read-only --cap-drop ALL --volume /etc/guichet:/etc/guichet:ro --publish 443:8443 guichet
#
# tests/it/container.rs does the same steps without an engine, and fails when they are not these.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /guichet
# The dependencies: a layer that stays until Cargo.toml or Cargo.lock changes. An empty program stands in for ours.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches && echo 'fn main() {}' | tee src/main.rs benches/signing.rs && touch src/lib.rs \
    && cargo build --release --locked --bin guichet && cargo clean --release --package guichet && rm -r src benches
COPY . .
RUN cargo build --release --locked --bin guichet
# The whole root file system: program, libraries, authorities, an unprivileged user. No shell, no package manager.
RUN deploy/container/root target/release/guichet /image

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Guichet" \
      org.opencontainers.image.description="OAuth 2.0 authorization server for PSD2 interfaces" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /image /
USER 10001:10001
ENV GUICHET_CONFIG=/etc/guichet/guichet.toml
# 8443 TPPs and customers; 9443 the bank's systems; 9464 health and metrics, which listen on loopback until [ops] says otherwise
EXPOSE 8443 9443 9464
STOPSIGNAL SIGTERM
# alive, not ready: a database that is away is no reason to start anew
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/bin/guichet", "health", "--of", "live"]
ENTRYPOINT ["/usr/bin/guichet"]
CMD ["serve"]
