"""Why a person has the joints it has: the terms of Eq. (1), joint by joint."""
