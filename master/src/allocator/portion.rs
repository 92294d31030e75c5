//! Resources with the answers to what every framework in line asks about them.

use mesos::resources::{Amount, Key, Resources};

use super::amounts::{Amounts, Names, milli};
use super::charge::Charge;

/// What a framework must be able to deal with, or is able to, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities(u8);

impl Abilities {
    pub(super) const GPUS: Self = Self(1);
    pub(super) const REVOCABLE: Self = Self(1 << 1);
    pub(super) const SHARED: Self = Self(1 << 2);
    pub(super) const REFINEMENT: Self = Self(1 << 3);
    /// Agents in another region than the master's.
    pub(super) const REMOTE: Self = Self(1 << 4);
    /// Agents that know only frameworks with one role.
    pub(super) const SINGLE_ROLE: Self = Self(1 << 5);
    /// Agents that know only roles without a hierarchy.
    pub(super) const FLAT_ROLE: Self = Self(1 << 6);

    pub(super) fn with(self, other: Self, wanted: bool) -> Self {
        if wanted { Self(self.0 | other.0) } else { self }
    }

    /// Whether these are enough for who needs `needed`.
    pub(super) fn suffice_for(self, needed: Self) -> bool {
        needed.0 & !self.0 == 0
    }

    /// Those that an item needs.
    fn of(key: &Key<'_>) -> Self {
        Self::default()
            .with(Self::REVOCABLE, key.revocable)
            .with(Self::SHARED, key.shared)
            .with(Self::REFINEMENT, key.reservations.len() > 1)
    }
}

/// Resources without allocation roles.
#[derive(Clone, Debug, Default)]
pub(super) struct Portion {
    pub(super) resources: Resources,
    /// All scalars.
    pub(super) all: Amounts,
    /// Those that quota has to do with.
    pub(super) charge: Charge,
    /// What it takes to understand all of it.
    pub(super) needs: Abilities,
    pub(super) has_reserved: bool,
}

impl Portion {
    pub(super) fn new(resources: Resources, names: &mut Names) -> Self {
        let mut portion = Self::default();
        for (key, amount) in resources.iter() {
            portion.needs = portion.needs.with(Abilities::of(&key), true);
            portion.has_reserved |= !key.is_unreserved();
            if let Some(milli) = milli(&key, &amount) {
                let at = names.number(&key.name);
                portion.all.add_at(at, milli);
                portion.charge.enter(&key, at, milli);
            }
        }
        portion.resources = resources;
        portion
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    pub(super) fn has_shared(&self) -> bool {
        Abilities(self.needs.0).contains(Abilities::SHARED)
    }

    /// Without what is too much for these abilities.
    pub(super) fn stripped(&self, abilities: Abilities, names: &mut Names) -> Self {
        let understood = |key: &Key<'_>| abilities.suffice_for(Abilities::of(key));
        Self::new(self.resources.filter(understood), names)
    }

    /// With at most so much of the scalars that quota has to do with; what is reserved for a role that is not named is
    /// left whole. What cannot be divided is left out if it does not fit.
    pub(super) fn cut(&self, bounds: &Charge, names: &mut Names) -> Self {
        let mut left = bounds.clone();
        let mut fitting = |key: &Key<'_>, amount: &Amount| {
            let whole = || Some(amount.clone());
            let Some(milli) = milli(key, amount).filter(|_| !key.revocable) else {
                return whole();
            };
            let at = names.number(&key.name);
            let Some(left) = left.of(key) else {
                return whole();
            };
            let room = left.get(at).max(0);
            let (taken, fits) = match amount {
                Amount::Copies(count) if key.shared => {
                    // All copies are one volume.
                    let fits = milli <= room;
                    (
                        if fits { milli } else { 0 },
                        Amount::Copies(if fits { *count } else { 0 }),
                    )
                }
                Amount::Copies(count) => {
                    let each = (milli / i64::from(*count).max(1)).max(1);
                    let copies = i64::from(*count).min(room / each);
                    (copies * each, Amount::Copies(copies as u32))
                }
                _ => {
                    let taken = milli.min(room);
                    let quantity = mesos::resources::Quantity::from_milli(taken);
                    (taken, Amount::Scalar(quantity))
                }
            };
            left.add_at(at, -taken);
            Some(fits)
        };
        let cut = self.resources.map_amounts(&mut fitting);
        Self::new(cut, names)
    }
}

impl Abilities {
    fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use mesos::resources::Format;
    use mesos::v1::resource::DiskInfo;
    use mesos::v1::resource::disk_info::{Source, source};

    use super::*;

    fn bounds(bounds: &str, names: &mut Names) -> Charge {
        Charge {
            open: names.amounts(&bounds.parse().expect("quantities")),
            ..Charge::default()
        }
    }

    fn cut(resources: &str, open: &str) -> String {
        let mut names = Names::default();
        let resources = Resources::parse(resources, "*").expect("resources");
        let bounds = bounds(open, &mut names);
        let portion = Portion::new(resources, &mut names);
        portion.cut(&bounds, &mut names).resources.to_string()
    }

    /// `mount:100` is a disk that cannot be divided.
    fn item(text: &str) -> Resources {
        let disk = text.replace("mount", "disk");
        let plain = Resources::parse(&disk, "*").expect("resources");
        let mut messages = plain.to_v1(Format::PostRefinement);
        if text.starts_with("mount") {
            let mount = Source {
                r#type: source::Type::Mount as i32,
                ..Source::default()
            };
            messages[0].disk = Some(Box::new(DiskInfo {
                source: Some(mount),
                ..DiskInfo::default()
            }));
        }
        Resources::from_v1(&messages).expect("resources")
    }

    fn disks(resources: &str, open: &str) -> f64 {
        let mut names = Names::default();
        let resources: Resources = resources.split(';').map(item).sum();
        let bounds = bounds(open, &mut names);
        let portion = Portion::new(resources, &mut names);
        let cut = portion.cut(&bounds, &mut names);
        cut.resources.scalar("disk").to_f64()
    }

    #[test]
    fn what_cannot_be_divided_fits_or_is_left_out() {
        for (bound, expected) in [
            ("disk:350", 300.0),
            ("disk:299", 200.0),
            ("disk:100", 100.0),
            ("disk:99", 0.0),
        ] {
            let mounts = "mount:100;mount:100;mount:100";
            assert_eq!(disks(mounts, bound), expected, "{bound}");
        }
        // Together they are not more than the bound, whichever comes first.
        for bound in [100, 150, 180] {
            let both = disks("disk:80;mount:100", &format!("disk:{bound}"));
            assert!((80.0..=f64::from(bound)).contains(&both), "{bound}: {both}");
        }
    }

    #[test]
    fn only_open_scalars_are_cut() {
        assert_eq!(
            cut("cpus:4;mem:10;ports:[1-2]", "cpus:1.5;mem:20"),
            "cpus:1.5; mem:10; ports:[1-2]"
        );
        assert_eq!(
            cut("cpus(a):4;cpus:1", "mem:1"),
            "cpus(reservations: [(STATIC,a)]):4"
        );
    }

    #[test]
    fn what_is_reserved_is_cut_for_whom_it_is_bounded() {
        let mut names = Names::default();
        let resources = Resources::parse("cpus(a):4;cpus(b):4;cpus:4", "*").expect("resources");
        let portion = Portion::new(resources, &mut names);
        let mut bounds = bounds("cpus:4", &mut names);
        bounds.add_reserved("a", 0, 1_500);
        let cut = portion.cut(&bounds, &mut names).resources;
        let of = |role: &str| {
            cut.filter(|key| key.reservation_role() == role)
                .scalar("cpus")
        };
        assert_eq!(
            [of("a"), of("b"), of("*")].map(|cpus| cpus.milli()),
            [1_500, 4_000, 4_000]
        );
    }
}
