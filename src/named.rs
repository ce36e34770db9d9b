//! Enums whose values have names, such as in JSON or in settings.

/// Defines such enums. `ALL` has the order of the definition.
macro_rules! named {
    ($($(#[$doc:meta])+ $type:ident { $($(#[$meaning:meta])+ $value:ident = $name:literal,)+ })+) => {
        $($(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$meaning])+ $value,)+
        }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$value),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        })+
    };
}

pub(crate) use named;
