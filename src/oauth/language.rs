//! The languages that the pages speak: those that have a file in `locales`, as the build script found them.

include!(concat!(env!("OUT_DIR"), "/languages.rs"));
pub(crate) use for_each_language;

macro_rules! languages {
    ($($name:ident $tag:literal $pages:literal $certificates:literal;)*) => {
        /// A language the pages speak (the primary subtag of RFC 5646).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Lang {
            $($name,)*
        }

        impl Lang {
            pub const ALL: [Self; [$($tag),*].len()] = [$(Self::$name),*];

            pub const fn tag(self) -> &'static str {
                match self {
                    $(Self::$name => $tag,)*
                }
            }
        }
    };
}

for_each_language!(languages);

impl Lang {
    /// `de`, `de-AT`, `DE`: the primary subtag decides.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or(tag);
        Self::ALL.into_iter().find(|l| l.tag().eq_ignore_ascii_case(primary))
    }
}
