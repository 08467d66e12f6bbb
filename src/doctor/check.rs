//! Everything that the doctor knows to find: codes are stable, and each has its advice.

/// How urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// Something does not work, or is not safe.
    Fault,
    /// It will not, or need not be so.
    Warning,
    /// It could be better, and nobody must: it fails no look.
    Remark,
}

impl Gravity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Remark => "remark",
        }
    }
}

macro_rules! checks {
    ($($name:ident $gravity:ident $code:literal $meaning:literal $advice:literal)*) => {
        /// What can be found, in the order in which it is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check { $(#[doc = $meaning] $name),* }

        impl Check {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            pub const fn gravity(self) -> Gravity {
                match self { $(Self::$name => Gravity::$gravity),* }
            }

            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),* }
            }
        }
    };
}

checks! {
    Settings Fault "settings"
        "a mistake in the settings, or a file that they name cannot be opened"
        "correct it where the message points; `guichet check-config FILE` says it again"
    FileUnusable Fault "file_unusable"
        "a certificate, key or revocation list cannot be read as what it should be"
        "put a PEM file there (keys: PKCS#8, SEC 1 or PKCS#1, not encrypted; lists: PEM or DER)"
    KeyExposed Fault "key_exposed"
        "a private key can be read or written by everybody on the machine"
        "chmod o= FILE, and think about whether the key must be replaced"
    KeyOfAnother Fault "key_of_another"
        "a key does not belong to the certificate beside it"
        "install the key with which the certificate was requested"
    CertificateExpired Fault "certificate_expired"
        "a certificate has expired"
        "install a renewed one and reload (SIGHUP); nothing restarts"
    CertificateNotYet Fault "certificate_not_yet"
        "a certificate is not valid yet"
        "check the clock of this machine; else install the former certificate until then"
    CertificateExpiring Warning "certificate_expiring"
        "a certificate ends within 30 days"
        "order its renewal, install it and reload (SIGHUP)"
    CertificateOfOtherHost Fault "certificate_of_other_host"
        "a listener's certificate does not name a host that is served there"
        "order a certificate that names all hosts of the listener's brands"
    ChainBroken Fault "chain_broken"
        "the certificates of a file do not follow one another"
        "order them: the server's own first, then each issuer after what it issued"
    ChainUntrusted Fault "chain_untrusted"
        "a client cannot build a path from the certificate to an authority that it trusts"
        "append the issuers between to the certificate's file; for an authority of your own say --ca FILE"
    RevocationListOld Fault "revocation_list_old"
        "a revocation list of `crl_files` is past its nextUpdate"
        "fetch it anew, several times a day, and reload (SIGHUP)"
    HostUnknown Fault "host_unknown"
        "the name of a brand's host does not resolve"
        "publish an address for it, or correct `tpp_host` or `psu_host`"
    NobodyAuthenticates Fault "nobody_authenticates"
        "nobody authenticates the customers of a brand, so that each journey fails"
        "set [brand.sca]: portal, driver, or simulator in a sandbox"
    RevocationIgnored Warning "revocation_ignored"
        "nobody is asked whether certificates are revoked, at a brand in production"
        "set `trust.revocation` to hard or soft for usual, registration and payment"
    DatabaseAway Fault "database_away"
        "the database cannot be reached, or refuses the login"
        "check address, name, password and pg_hba.conf; while it is away, requests are answered 503"
    DatabaseOld Warning "database_old"
        "PostgreSQL is older than the releases that are tested"
        "upgrade to PostgreSQL 15 or newer"
    ClockDiffers Fault "clock_differs"
        "this machine's clock and the database's differ by more than two seconds"
        "let NTP set both (timedatectl, chronyc tracking)"
    SchemaOlder Fault "schema_older"
        "migrations of this program are missing"
        "run `guichet migrate up --config FILE` as the schema's owner"
    SchemaNewer Fault "schema_newer"
        "the schema is of a newer release, with which this one cannot go on"
        "run the newer guichet"
    RoleTooStrong Fault "role_too_strong"
        "the server's role is a superuser, or owns the schema"
        "give it a role with rows alone, and migrate as another (docs/database.md, Tables of tokens)"
    RoleTooWeak Fault "role_too_weak"
        "the server's role may not do what serving needs"
        "grant what docs/database.md lists under Tables of tokens, as the schema's owner"
    TokenTablesMissing Fault "token_tables_missing"
        "tables for tokens of the next days are missing"
        "start a server, which makes them; its log says why where it cannot"
    TokenStrays Warning "token_strays"
        "tokens lie in tokens_default, because their table was not there"
        "make their table (docs/database.md, Tables of tokens)"
    FsyncOff Fault "fsync_off"
        "`fsync` or `full_page_writes` is off: a crash of the machine destroys the database"
        "set both to on"
    CommitNotDurable Fault "commit_not_durable"
        "`synchronous_commit` is off: what was answered may be lost in a crash"
        "set it to on, for the role and the database, too"
    TooFewConnections Fault "too_few_connections"
        "PostgreSQL allows fewer connections than all replicas may open"
        "raise `max_connections`, lower `database.max_connections`, or put a pooler between; say --replicas N"
    VacuumOff Fault "vacuum_off"
        "autovacuum is off, or transaction ids are running out"
        "set autovacuum to on, and let VACUUM (FREEZE) run"
    SlotHoldsLog Fault "slot_holds_log"
        "a replication slot that nobody reads keeps more than 10 GiB of the write-ahead log: the disk fills"
        "start its reader, or drop it with pg_drop_replication_slot; set max_slot_wal_keep_size"
    HugePagesOff Warning "huge_pages_off"
        "shared buffers of 8 GiB or more without huge pages"
        "set `huge_pages` to try, and vm.nr_hugepages of the machine"
    TrustedListOld Fault "trusted_list_old"
        "a trusted list is past its nextUpdate, or none was ever accepted"
        "let `guichet trust refresh` run, and read what it says"
    RegisterOld Fault "register_old"
        "the national register is old, or none was ever imported, where a brand asks it"
        "import a new export: `guichet register import`"
    NothingSigns Fault "nothing_signs"
        "a brand signs its access tokens, and there is no key that signs: its token endpoint answers 503"
        "make one: `guichet key rotate --at-once --reason \"first key\"`"
    ScaAway Fault "sca_away"
        "a brand's SCA back end cannot be reached, or refuses the bank's certificate"
        "check `driver_url`, `ca_file`, the client certificate, and what the back end's log says"
    PortClosed Fault "port_closed"
        "nobody answers at a brand's address"
        "start the server; check balancer, firewall and the port; say --connect where the name leads elsewhere"
    TlsOld Fault "tls_old"
        "TLS 1.0 or 1.1 is spoken"
        "something in front of Guichet ends TLS: allow TLS 1.2 and 1.3 alone there"
    TlsWeak Fault "tls_weak"
        "TLS 1.2 is spoken with a suite without forward secrecy or authenticated encryption"
        "something in front of Guichet ends TLS: allow ECDHE with AES-GCM alone there"
    TlsNew Fault "tls_13_refused"
        "TLS 1.3 is not spoken"
        "something in front of Guichet ends TLS: allow TLS 1.3 there, or let it forward the connection"
    NoCertificateAsked Fault "no_certificate_asked"
        "TPPs are not asked for their certificate in the handshake"
        "forward the connection, or let the balancer ask and hand the certificate over (docs/front-proxy.md)"
    CertificateAskedOfCustomers Fault "certificate_asked_of_customers"
        "customers are asked for a certificate: browsers show them a dialogue"
        "give customers' and TPPs' hosts different names, and forward SNI unchanged"
    NoHsts Warning "no_hsts"
        "answers to customers carry no Strict-Transport-Security of half a year or more (RFC 6797)"
        "let the balancer hand the header on"
    VersionTold Warning "version_told"
        "an answer names the software or its version"
        "remove the header or page where it is made; Guichet sends none"
    ForeignHostServed Warning "foreign_host_served"
        "a request for a host of nobody's is not answered 421"
        "let the balancer pass Host on as it came"
    MetadataUnreadable Fault "metadata_unreadable"
        "the metadata (RFC 8414) is not served, or is not JSON"
        "check where the balancer sends /.well-known/oauth-authorization-server"
    MetadataDiffers Fault "metadata_differs"
        "the metadata served is not what these settings say"
        "the server runs with other settings: restart or reload it, or look at the right file"
    EndpointNotServed Fault "endpoint_not_served"
        "an endpoint of the metadata is not served, or not at that host"
        "let the balancer hand all paths on"
    KeysUnreadable Fault "keys_unreadable"
        "the key set (RFC 7517) is not served, or holds a private key"
        "check `signing.key_files`, and what the balancer makes of the path"
    HeaderBelieved Fault "header_believed"
        "a certificate in a header of a client's own counts: whoever sends a TPP's certificate is that TPP"
        "let the balancer remove the header from what clients send before it sets its own (docs/front-proxy.md)"
    DnssecMissing Remark "dnssec_missing"
        "no resolver vouches that what the DNS says of a host is signed (FAPI 2.0 s5.2.1 would have it so)"
        "sign the zone, and publish its DS at the parent; if it is signed, ask a resolver that validates: --resolver HOST:PORT"
}
