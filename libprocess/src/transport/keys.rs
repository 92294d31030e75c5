//! The two keys by which a restarted node is recognised.
//!
//! A node that gets a packet of a connection it knows nothing of answers with a *stateless reset*,
//! which the sender believes if it carries the token that the reset key makes of the connection id.
//! So if the key survives a restart, the peers' links to the former life end with the next packet
//! they send. quinn answers only to connection ids that its own generator could have made, so that
//! generator's key has to survive, too.

use std::io;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use super::{BindError, EndpointConfig};
use crate::tls::load_or_create_private;

pub(super) struct EndpointKeys {
    pub(super) reset: [u8; RESET],
    pub(super) connection_id: u64,
}

const RESET: usize = 64;
const FILE: &str = "endpoint.keys";

impl EndpointKeys {
    /// From `keys_dir`, from the seed, or made for this life only.
    pub(super) fn of(config: &EndpointConfig) -> Result<Self, BindError> {
        if let Some(folder) = &config.keys_dir {
            let path = folder.join(FILE);
            return Self::load(&path).map_err(|source| BindError::Keys { path, source });
        }
        Ok(match config.seed {
            // All lives of all simulated nodes have the same keys: no secrets there.
            Some(_) => Self::generate(&mut StdRng::seed_from_u64(0)),
            None => Self::generate(&mut StdRng::from_os_rng()),
        })
    }

    fn load(path: &Path) -> io::Result<Self> {
        let bytes = load_or_create_private(path, || {
            let mut bytes = vec![0; RESET + 8];
            StdRng::from_os_rng().fill_bytes(&mut bytes);
            bytes
        })?;
        let (reset, id) = bytes.split_first_chunk().ok_or(WRONG_SIZE)?;
        let id = <[u8; 8]>::try_from(id).map_err(|_| WRONG_SIZE)?;
        Ok(EndpointKeys {
            reset: *reset,
            connection_id: u64::from_le_bytes(id),
        })
    }

    fn generate(random: &mut impl RngCore) -> Self {
        let mut reset = [0; RESET];
        random.fill_bytes(&mut reset);
        EndpointKeys {
            reset,
            connection_id: random.next_u64(),
        }
    }
}

const WRONG_SIZE: io::ErrorKind = io::ErrorKind::InvalidData;
