//! The digest that tells texts apart. It guards against nothing.

/// FNV-1a with 64 bits, as hexadecimal digits.
pub(super) fn of(bytes: impl IntoIterator<Item = u8>) -> String {
    let digest = bytes.into_iter().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{digest:016x}")
}
