use super::{Head, Profile};
use crate::wire::Size;

fn wrong(text: &str) -> (String, Option<String>) {
    let error = Profile::parse(text).unwrap_err();
    (error.to_string(), error.hint)
}

#[test]
fn an_empty_profile_is_one_plugged_head_of_1280x800() {
    let profile = Profile::parse("").unwrap();

    assert_eq!(profile.heads, [Head::default()]);
    assert_eq!(profile.limits.memory, 256 << 20);
}

#[test]
fn every_key_is_read() {
    let profile = Profile::parse(
        "name = \"a\"\n[[head]]\nsize = \"640x480\"\nenabled = false\nrefresh_hz = 75\nname = \"left\"\n\
         modes = [\"320x200\"]\n[limits]\nmemory = \"1 GiB\"\nresources = 10\nentries = 20\nimage_side = 4096",
    )
    .unwrap();

    let head = Head {
        size: Size { width: 640, height: 480 },
        enabled: false,
        refresh_hz: 75,
        name: Some("left".to_owned()),
        modes: vec![Size { width: 320, height: 200 }],
    };
    assert_eq!((profile.name.as_str(), profile.heads), ("a", vec![head]));
    let limits = profile.limits;
    assert_eq!((limits.memory, limits.resources, limits.entries, limits.image_side), (1 << 30, 10, 20, 4096));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let (message, hint) = wrong("name = \"a\"\n\n[limits]\nmemroy = \"1GiB\"");

    assert_eq!(message, "line 4: unknown key `memroy`");
    assert_eq!(
        hint.unwrap(),
        "did you mean `memory`? Known here: memory, resources, entries, image_side, clients"
    );
}

#[test]
fn a_key_like_no_other_is_answered_with_the_known_ones() {
    assert_eq!(wrong("qq = 1").1.unwrap(), "known here: name, transport, head, gpu, limits, share, socket");
}

#[test]
fn values_out_of_bounds_are_refused_with_the_bounds() {
    let cases = [
        ("[[head]]\nsize = \"0x480\"", "must be a width and a height from 64 to 16384, as in \"1280x800\""),
        ("[[head]]\nmodes = [\"1x1\"]", "must be a width and a height from 64 to 16384, as in \"1280x800\""),
        ("[[head]]\nrefresh_hz = 0", "must be from 1 to 480, not 0"),
        ("[[head]]\nname = \"fourteen chars\"", "must be 1 to 13 printable ASCII characters"),
        ("[limits]\nmemory = \"2TiB\"", "must be an amount from 1MiB to 1024GiB, as in \"256MiB\""),
        (
            "[limits]\nmemory = \"99999999999999999999\"",
            "must be an amount from 1MiB to 1024GiB, as in \"256MiB\"",
        ),
        ("[limits]\nresources = -1", "must be from 1 to 1048576, not -1"),
    ];
    for (text, expected) in cases {
        let line = text.lines().nth(1).unwrap();
        assert_eq!(wrong(text).0, format!("line 2: `{line}`: {expected}"));
    }
}

#[test]
fn a_head_that_could_never_show_a_picture_is_refused_with_both_values_and_the_remedy() {
    let head = "[[head]]\n[[head]]\nenabled = false\nsize = \"1280x1024\"\n[limits]\n";
    let with = |limit: &str| format!("{head}{limit}");

    let (message, hint) = wrong(&with("image_side = 1279"));
    assert_eq!(message, "head 0 has the size 1280x800, but limits.image_side is 1279");
    assert_eq!(hint.unwrap(), "make the head smaller, or limits.image_side larger");
    let (message, hint) = wrong(&with("memory = \"4MiB\""));
    assert_eq!(message, "head 1 has the size 1280x1024, a picture of 5MiB, but limits.memory is 4MiB");
    assert_eq!(hint.unwrap(), "make the head smaller, or limits.memory at least \"5MiB\"");
    for enough in ["image_side = 1280", "memory = \"5MiB\""] {
        Profile::parse(&with(enough)).unwrap();
    }
}

#[test]
fn a_single_table_of_heads_is_answered_with_how_a_list_is_written() {
    assert_eq!(wrong("[head]\nsize = \"640x480\"").1.unwrap(), "heads are a list: write `[[head]]`");
}

#[test]
fn a_line_of_any_length_is_quoted_in_part() {
    assert!(wrong(&format!("name = [{}", "[".repeat(100_000))).0.len() < 1000);
}

#[test]
fn more_than_sixteen_heads_and_none_are_refused() {
    assert!(wrong(&"[[head]]\n".repeat(17)).0.contains("a vGPU has 1 to 16 heads, not 17"));
    assert!(wrong("head = []").0.contains("a vGPU has 1 to 16 heads, not 0"));
}

#[test]
fn heads_without_a_name_are_numbered_and_the_defaults_are_the_devices_own() {
    let setup = Profile::parse("[[head]]\n[[head]]\nname = \"left\"").unwrap().setup("vm1");

    assert_eq!(setup.heads.iter().map(|head| head.name.as_str()).collect::<Vec<_>>(), ["vgpu-0", "left"]);
    assert_eq!(setup.limits, crate::wire::Limits::default());
}

#[test]
fn names_that_differ_give_serials_that_differ() {
    let named = |name: &str| Profile::default().setup(name).serial;

    assert_ne!(named("a"), named("b"));
}

#[test]
fn more_than_eight_further_sizes_and_ones_beyond_the_limits_are_refused() {
    let modes = |count| format!("[[head]]\nmodes = [{}]", "\"800x600\",".repeat(count));

    Profile::parse(&modes(8)).unwrap();
    assert!(wrong(&modes(9)).0.ends_with("must be at most 8 sizes, not 9"));
    let beyond = "[[head]]\nmodes = [\"2000x600\"]\n[limits]\nimage_side = 1999";
    assert_eq!(wrong(beyond).0, "head 0 has the size 2000x600, but limits.image_side is 1999");
}

#[test]
fn a_profile_in_json_is_what_it_is_in_toml() {
    let text = "[[head]]\nmodes = [\"800x600\"]\n[limits]\nmemory = \"1025KiB\"\n[socket]\nmode = \"0660\"\nowner = 7";
    let profile: Profile = toml::from_str(text).unwrap();

    let json = serde_json::to_value(&profile).unwrap();

    assert_eq!((&json["limits"]["memory"], &json["socket"]["mode"]), (&"1025KiB".into(), &"0660".into()));
    assert_eq!(serde_json::from_value::<Profile>(json).unwrap(), profile);
}
