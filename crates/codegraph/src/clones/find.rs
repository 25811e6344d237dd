//! Groups of equal and of alike pieces.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::fragments::{Fragment, FragmentKind, fragments};
use super::minhash::{Buckets, dice, signature};
use super::normal::Normal;
use super::{CloneGroup, CloneType, Clones, Options};
use crate::identity::NodeHashes;
use crate::lineage::SourceFile;

/// Pieces whose sizes differ by more than this factor are not alike.
const SIZE_FACTOR_MAX: u32 = 2;

/// Most ways to name the locals of otherwise equal code that are told apart.
const CLASSES_MAX: usize = 256;

/// File and module: equal code that depends on its module is equal only there.
type Place = (u32, Option<u32>);

/// Finds clones within and between files.
#[must_use]
pub fn find(files: &[SourceFile<'_>], options: Options) -> Clones {
    let mut all: Vec<Fragment> = Vec::new();
    let mut normals = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let normal = Normal::new(file.tree, file.outline);
        let hashes = NodeHashes::of(file.tree);
        let offset = all.len() as u32;
        let found = fragments(index as u32, &normal, file.outline, &hashes, options.nodes_min);
        all.extend(found.into_iter().map(|mut fragment| {
            fragment.parent = fragment.parent.map(|parent| parent + offset);
            fragment
        }));
        normals.push(normal);
    }
    let mut groups = equal(&all, &normals);
    if options.near {
        groups.extend(alike(&all, &normals, options));
    }
    let nodes = |group: &CloneGroup| {
        let members = group
            .members
            .iter()
            .filter_map(|member| all.get(*member as usize));
        members.map(|fragment| fragment.nodes).max().unwrap_or_default()
    };
    groups.sort_by(|a, b| {
        let key = |group: &CloneGroup| (group.kind, std::cmp::Reverse(nodes(group)));
        key(a).cmp(&key(b)).then_with(|| a.members.cmp(&b.members))
    });
    let mut groups = outermost(&all, groups);
    groups.sort_by_key(|group| (std::cmp::Reverse(nodes(group)), group.kind, group.members.clone()));
    groups.truncate(options.groups_max);
    Clones {
        fragments: all,
        groups,
    }
}

/// Types I and II: groups of equal hashes.
fn equal(all: &[Fragment], normals: &[Normal<'_>]) -> Vec<CloneGroup> {
    let mut by_loose: BTreeMap<(FragmentKind, u64, u32), Vec<u32>> = BTreeMap::new();
    for (index, fragment) in all.iter().enumerate() {
        let key = (fragment.kind, fragment.loose, fragment.roots.len() as u32);
        by_loose.entry(key).or_default().push(index as u32);
    }
    let mut groups = Vec::new();
    for members in by_loose.into_values().filter(|members| members.len() > 1) {
        // Of one type II class: those whose locals correspond one to one with those of the first.
        let mut classes: Vec<(Vec<&[u8]>, Vec<u32>)> = Vec::new();
        for member in members {
            let Some(fragment) = all.get(member as usize) else {
                continue;
            };
            let locals = locals(fragment, normals);
            if let Some((_, members)) = classes.iter_mut().find(|(first, _)| correspond(first, &locals)) {
                members.push(member);
            } else if classes.len() < CLASSES_MAX {
                classes.push((locals, vec![member]));
            }
        }
        for (_, members) in classes.into_iter().filter(|(_, members)| members.len() > 1) {
            let mut by_exact: BTreeMap<(u64, Option<Place>), Vec<u32>> = BTreeMap::new();
            for member in &members {
                if let Some(fragment) = all.get(*member as usize) {
                    let place = (fragment.file, fragment.module);
                    let key = (fragment.exact, fragment.module_dependent.then_some(place));
                    by_exact.entry(key).or_default().push(*member);
                }
            }
            let one = by_exact.len() == 1;
            let kind = if one { CloneType::One } else { CloneType::Two };
            if !one {
                let equal = by_exact.into_values().filter(|members| members.len() > 1);
                groups.extend(equal.map(|members| group(all, CloneType::One, 1000, members)));
            }
            groups.push(group(all, kind, 1000, members));
        }
    }
    groups
}

fn group(all: &[Fragment], kind: CloneType, likeness: u32, members: Vec<u32>) -> CloneGroup {
    let mut fragments = members.iter().filter_map(|member| all.get(*member as usize));
    CloneGroup {
        kind,
        likeness: likeness.min(1000) as u16,
        module_dependent: fragments.any(|fragment| fragment.module_dependent),
        members,
    }
}

/// The names of the locals, in the order of the normal form.
fn locals<'a>(fragment: &Fragment, normals: &[Normal<'a>]) -> Vec<&'a [u8]> {
    let Some(normal) = normals.get(fragment.file as usize) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut work: Vec<_> = fragment.roots.iter().rev().copied().collect();
    let mut kids = Vec::new();
    while let Some(node) = work.pop() {
        if normal.is_local(node) {
            names.push(normal.tree().bytes(node));
        }
        normal.parts(node, &mut kids);
        work.extend(kids.iter().rev());
    }
    names
}

fn correspond(a: &[&[u8]], b: &[&[u8]]) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| *there.entry(a).or_insert(b) == b && *back.entry(b).or_insert(a) == a)
}

/// Type III: pairs.
fn alike(all: &[Fragment], normals: &[Normal<'_>], options: Options) -> Vec<CloneGroup> {
    let features: Vec<Vec<u64>> = all.iter().map(|fragment| features(fragment, normals)).collect();
    let mut buckets = Buckets::default();
    let mut groups = Vec::new();
    for (index, fragment) in all.iter().enumerate() {
        let Some(own) = features.get(index) else { continue };
        let signature = signature(own);
        for (other, _) in buckets.near(&signature) {
            let (Some(before), Some(others)) = (all.get(other as usize), features.get(other as usize)) else {
                continue;
            };
            let sizes = (fragment.nodes.min(before.nodes), fragment.nodes.max(before.nodes));
            if before.kind != fragment.kind
                || before.loose == fragment.loose
                || sizes.1 > SIZE_FACTOR_MAX * sizes.0
                || within(all, index as u32, other)
            {
                continue;
            }
            let likeness = dice(own, others);
            if likeness >= u32::from(options.likeness_min) {
                groups.push(group(all, CloneType::Three, likeness, vec![other, index as u32]));
            }
        }
        buckets.add(index as u32, &signature);
    }
    groups
}

/// Whether one piece lies in the other.
fn within(all: &[Fragment], inner: u32, outer: u32) -> bool {
    std::iter::successors(Some(inner), |at| all.get(*at as usize)?.parent).any(|at| at == outer)
}

/// The hashes of the subtrees that are more than a leaf, sorted.
fn features(fragment: &Fragment, normals: &[Normal<'_>]) -> Vec<u64> {
    let Some(normal) = normals.get(fragment.file as usize) else {
        return Vec::new();
    };
    let mut features: Vec<u64> = Vec::new();
    for root in &fragment.roots {
        for index in normal.tree().subtree(*root) {
            let id = crate::quoted::NodeId::new(index);
            if normal.tree().node(id).size > 1 {
                features.push(normal.hash(id));
            }
        }
    }
    features.sort_unstable();
    features
}

/// Leaves out groups whose members all lie within members of one group before.
fn outermost(all: &[Fragment], groups: Vec<CloneGroup>) -> Vec<CloneGroup> {
    let mut groups_of: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut kept: Vec<CloneGroup> = Vec::new();
    for group in groups {
        let mut common: Option<BTreeSet<u32>> = None;
        for member in &group.members {
            let mut around: BTreeSet<u32> = BTreeSet::new();
            let mut at = all.get(*member as usize).and_then(|fragment| fragment.parent);
            while let Some(outer) = at {
                around.extend(groups_of.get(&outer).into_iter().flatten());
                at = all.get(outer as usize).and_then(|fragment| fragment.parent);
            }
            // An equal group of a stronger type covers too.
            around.extend(groups_of.get(member).into_iter().flatten());
            common = Some(match common {
                None => around,
                Some(common) => common.intersection(&around).copied().collect(),
            });
        }
        if common.is_some_and(|common| !common.is_empty()) {
            continue;
        }
        for member in &group.members {
            groups_of.entry(*member).or_default().push(kept.len() as u32);
        }
        kept.push(group);
    }
    kept
}
