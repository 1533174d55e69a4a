//! On which GPU vGPUs go where nobody says.

use proptest::prelude::*;
use vgpu::sched::placement::{Need, Site, Strategy as Laying, place};
use vgpu::sched::{Policy, Settings};

const GIB: u64 = 1 << 30;

fn site(name: &str) -> Site {
    Site {
        name: name.to_owned(),
        tier: 0,
        lost: false,
        memory_bytes_free: 8 * GIB,
        policy: Policy::BestEffort,
        tenants: Vec::new(),
        node: None,
        link: None,
    }
}

fn need(gib: u64) -> Need {
    Need { memory_bytes: gib * GIB, settings: Settings::default(), node: None }
}

fn capped(percent: u32) -> Settings {
    Settings { cap_percent: percent, ..Settings::default() }
}

fn chosen(sites: &[Site], need: &Need, laying: Laying) -> (String, String) {
    let choice = place(sites, need, laying).unwrap();
    (sites[choice.site].name.clone(), choice.why)
}

#[test]
fn what_is_lost_is_left_out_and_what_draws_in_software_is_no_choice_instead() {
    let lost = Site { lost: true, ..site("a") };
    let software = Site { tier: 2, ..site("c") };

    let (name, why) = chosen(&[lost.clone(), site("b"), software.clone()], &need(1), Laying::Spread);
    assert_eq!((name.as_str(), why.as_str()), ("b", "spread: the only one with room; left out: a: lost"));
    let none = place(&[lost, software], &need(1), Laying::Spread).unwrap_err();
    assert_eq!(none.to_string(), "no GPU has room: a: lost");
}

#[test]
fn spread_takes_the_emptiest_and_pack_the_fullest_that_has_room() {
    let busy = Site { tenants: vec![Settings::default(); 2], ..site("a") };
    let full = Site { memory_bytes_free: GIB, tenants: vec![Settings::default(); 3], ..site("b") };
    let sites = [busy, full, site("c")];

    let (name, why) = chosen(&sites, &need(2), Laying::Spread);
    assert_eq!(name, "c");
    let left_out = "left out: b: 1024MiB of memory free";
    assert_eq!(why, format!("spread: the least of its time is spoken for: 0, 200 on a; {left_out}"));
    let (name, why) = chosen(&sites, &need(2), Laying::Pack);
    assert_eq!(name, "a");
    assert_eq!(why, format!("pack: the most of its time is spoken for: 200, 0 on c; {left_out}"));
    assert_eq!(chosen(&sites, &need(1), Laying::Pack).0, "b");
}

#[test]
fn the_node_that_was_asked_for_comes_first_and_then_one_that_may_be_it() {
    let busy = Site { node: Some(1), tenants: vec![Settings::default()], ..site("a") };
    let sites = [Site { node: Some(0), ..site("c") }, site("b"), busy];
    let on = |node| Need { node, ..need(1) };

    assert_eq!(chosen(&sites, &on(Some(1)), Laying::Spread).0, "a");
    assert_eq!(
        chosen(&sites[..2], &on(Some(1)), Laying::Spread),
        ("b".to_owned(), "spread: nearest to the memory node that was asked for; next c".to_owned())
    );
    assert_eq!(chosen(&sites, &on(None), Laying::Spread).0, "b");
}

#[test]
fn memory_then_the_link_then_the_name_tell_equal_ones_apart() {
    let fast = Site { link: Some(512_000), ..site("b") };
    let sites = [site("a"), fast.clone(), Site { name: "c".to_owned(), ..fast }];
    let (name, why) = chosen(&sites, &need(1), Laying::Spread);
    assert_eq!((name.as_str(), why.as_str()), ("b", "spread: the first by name; c is as good"));
    assert_eq!(chosen(&sites[..2], &need(1), Laying::Pack).1, "pack: the faster link; a is as free");

    let smaller = Site { memory_bytes_free: 4 * GIB, ..site("a") };
    let sites = [smaller, site("b")];
    assert_eq!(
        chosen(&sites, &need(1), Laying::Spread).1,
        "spread: the most memory is free on it: 8192MiB, 4096MiB on a"
    );
    assert_eq!(chosen(&sites, &need(1), Laying::Pack).0, "a");
}

#[test]
fn hardware_is_never_left_for_software_and_who_has_no_room_is_told_of_each() {
    let sites = [Site { tier: 2, ..site("soft") }, Site { memory_bytes_free: GIB, ..site("hard") }];
    assert_eq!(
        chosen(&sites, &need(1), Laying::Spread),
        ("hard".to_owned(), "spread: the only one".to_owned())
    );
    let error = place(&sites, &need(2), Laying::Spread).unwrap_err();
    assert_eq!(error.to_string(), "no GPU has room: hard: 1024MiB of memory free");
}

#[test]
fn a_gpu_with_fixed_shares_takes_no_more_than_a_whole() {
    let fixed =
        |name, percent| Site { policy: Policy::FixedShare, tenants: vec![capped(percent)], ..site(name) };
    let half = Need { settings: capped(50), ..need(1) };

    let (name, why) = chosen(&[fixed("a", 60), fixed("b", 50)], &half, Laying::Spread);

    assert_eq!(name, "b");
    assert_eq!(why, "spread: the only one with room; left out: a: fixed shares would come to 110 %");
}

fn any_site() -> impl Strategy<Value = Site> {
    let settings = (1_u32..=1000, 1_u32..=100).prop_map(|(weight, cap_percent)| Settings {
        weight,
        cap_percent,
        ..Settings::default()
    });
    let policy = prop_oneof![Just(Policy::BestEffort), Just(Policy::EqualShare), Just(Policy::FixedShare)];
    let node = prop::option::of(0_u32..3);
    let link = prop::option::of(1_u64..4);
    let tenants = prop::collection::vec(settings, 0..4);
    (0_u8..3, any::<bool>(), 0_u64..16, policy, tenants, node, link).prop_map(
        |(tier, lost, gib, policy, tenants, node, link)| Site {
            name: String::new(),
            tier,
            lost,
            memory_bytes_free: gib * GIB,
            policy,
            tenants,
            node,
            link,
        },
    )
}

fn any_sites() -> impl Strategy<Value = Vec<Site>> {
    prop::collection::vec(any_site(), 0..6).prop_map(|sites| {
        sites
            .into_iter()
            .zip("abcdef".chars())
            .map(|(site, name)| Site { name: name.into(), ..site })
            .collect()
    })
}

fn any_laying() -> impl Strategy<Value = Laying> {
    prop_oneof![Just(Laying::Spread), Just(Laying::Pack)]
}

/// Whether this GPU, alone, would be taken.
fn fits(site: &Site, need: &Need) -> bool {
    place(std::slice::from_ref(site), need, Laying::Spread).is_ok()
}

proptest! {
    #[test]
    fn the_choice_has_room_and_is_the_same_in_any_order(
        sites in any_sites(), gib in 0_u64..16, node in prop::option::of(0_u32..3), laying in any_laying(),
    ) {
        let need = Need { node, ..need(gib) };
        let best = sites.iter().map(|site| site.tier).min();
        let fitting = || sites.iter().filter(|site| Some(site.tier) == best && fits(site, &need));
        let mut backwards = sites.clone();
        backwards.reverse();

        match place(&sites, &need, laying) {
            Ok(choice) => {
                let taken = &sites[choice.site];
                prop_assert!(fitting().any(|site| site == taken));
                let again = place(&backwards, &need, laying).unwrap();
                prop_assert_eq!((&backwards[again.site], again.why), (taken, choice.why));
            }
            Err(error) => {
                prop_assert_eq!(fitting().count(), 0);
                prop_assert_eq!(error.0.len(), sites.iter().filter(|site| Some(site.tier) == best).count());
            }
        }
    }

    #[test]
    fn equal_vgpus_on_equal_gpus_are_spread_to_within_one_and_packed_one_gpu_after_the_other(
        count in 1_usize..30, gpus in 1_usize..5, room in 1_u64..12,
    ) {
        for laying in [Laying::Spread, Laying::Pack] {
            let mut sites: Vec<Site> = "abcdef".chars().take(gpus).map(|name| site(&name.to_string())).collect();
            sites.iter_mut().for_each(|site| site.memory_bytes_free = room * GIB);
            for _ in 0..count {
                let Ok(choice) = place(&sites, &need(1), laying) else { break };
                let taken = &mut sites[choice.site];
                taken.memory_bytes_free -= GIB;
                taken.tenants.push(Settings::default());
            }
            let on: Vec<u64> = sites.iter().map(|site| site.tenants.len() as u64).collect();
            prop_assert_eq!(on.iter().sum::<u64>(), (count as u64).min(room * gpus as u64));
            match laying {
                Laying::Spread => prop_assert!(on.iter().max().unwrap() - on.iter().min().unwrap() <= 1, "{:?}", on),
                Laying::Pack => {
                    let begun = on.iter().filter(|on| (1..room).contains(*on)).count();
                    prop_assert!(begun <= 1, "{:?}", on);
                }
            }
        }
    }
}
