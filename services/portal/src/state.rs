use crate::assets::Assets;

/// What every handler shares.
pub struct Portal {
    pub(crate) assets: Assets,
}
