# docker build -t guichet .
# docker run --read-only -v /etc/guichet:/etc/guichet:ro -p 8443:8443 guichet
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev make ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /guichet
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin guichet
# whom to believe when fetching over https
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /guichet/target/release/guichet /usr/local/bin/guichet
USER 10001
# 8443 TPPs and customers; with an [internal] section 9443, too. [ops] listens on loopback until told otherwise.
EXPOSE 8443 9443
ENTRYPOINT ["/usr/local/bin/guichet"]
CMD ["serve", "--config", "/etc/guichet/guichet.toml"]
