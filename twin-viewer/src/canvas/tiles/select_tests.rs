use super::*;

/// A tile of ten metres at `x`; weighs 100 bytes.
fn tile(x: f64, geometric_error: f64, children: Vec<usize>) -> Tile {
    let bounds = Bounds { min: DVec3::new(x, 0.0, 0.0), max: DVec3::new(x + 10.0, 10.0, 10.0) };
    Tile { geometric_error, content: Some(String::new()), children, ..Tile::empty(bounds) }
}

fn eye(x: f64) -> Eye {
    let everything = DVec4::new(0.0, 0.0, 0.0, 1.0);
    Eye { position: DVec3::new(x, 5.0, 5.0), planes: [everything; 5], pixels_per_radian: 1000.0 }
}

fn limits(bytes: usize) -> Limits<'static> {
    Limits { max_error_px: 8.0, bytes, cost: &|_| 100 }
}

fn look(tileset: &Tileset, eye: &Eye, bytes: usize) -> Choice {
    choose(tileset, eye, &Focus::default(), &limits(bytes), &Choice::default())
}

fn names(choice: &Choice) -> Vec<usize> {
    choice.wanted.iter().map(|wanted| wanted.tile).collect()
}

/// Two buildings a kilometre apart, each a shell over two storeys:
/// 0 → 1 → (2, 3) and 0 → 4 → (5, 6).
fn street() -> Tileset {
    let building = |x: f64, first: usize| {
        let shell = Tile { replaces: true, ..tile(x, 2.0, vec![first + 1, first + 2]) };
        let storey =
            |name: &str| Tile { storeys: Some(vec![format!("{name}{x}")]), ..tile(x, 0.0, vec![]) };
        let storeys = Some(vec![format!("s{x}"), format!("t{x}")]);
        [Tile { storeys, ..shell }, storey("s"), storey("t")]
    };
    let bounds = Bounds { min: DVec3::ZERO, max: DVec3::new(1010.0, 10.0, 10.0) };
    let root = Tile { geometric_error: 50.0, children: vec![1, 4], ..Tile::empty(bounds) };
    let tiles = [vec![root], building(0.0, 1).into(), building(1000.0, 4).into()].concat();
    Tileset { tiles }
}

#[test]
fn near_refines_and_far_does_not() {
    let root = Tile {
        bounds: Bounds { min: DVec3::ZERO, max: DVec3::new(1000.0, 10.0, 10.0) },
        ..tile(0.0, 8.0, vec![1, 2])
    };
    let tileset = Tileset { tiles: vec![root, tile(0.0, 0.0, vec![]), tile(900.0, 0.0, vec![])] };
    assert_eq!(names(&look(&tileset, &eye(-20.0), 900)), [0, 1, 2], "nearer first");
    assert_eq!(names(&look(&tileset, &eye(1020.0), 900)), [0, 2, 1]);
    assert_eq!(names(&look(&tileset, &eye(-2000.0), 900)), [0], "4 px is good enough");
}

#[test]
fn out_of_view_is_not_wanted() {
    let tileset = Tileset { tiles: vec![tile(0.0, 8.0, vec![])] };
    let mut eye = eye(-20.0);
    eye.planes[0] = DVec4::new(-1.0, 0.0, 0.0, -5.0); // only x ≤ -5 is in view
    assert!(look(&tileset, &eye, 900).wanted.is_empty());
}

#[test]
fn the_near_building_is_whole_and_the_far_one_a_shell() {
    let street = street();
    let choice = look(&street, &eye(-20.0), 9_000);
    assert_eq!(names(&choice), [1, 2, 3, 4], "the shell comes before what replaces it");
    assert_eq!(choice.drawn(&street, |_| true), [2, 3, 4]);
    let far = look(&street, &eye(-3_000.0), 9_000);
    assert_eq!(far.drawn(&street, |_| true), [1, 4]);
}

#[test]
fn a_shell_stays_until_all_that_replaces_it_is_there() {
    let street = street();
    let choice = look(&street, &eye(-20.0), 9_000);
    assert_eq!(choice.drawn(&street, |tile| tile == 4), [4]);
    assert_eq!(choice.drawn(&street, |tile| [1, 2, 4].contains(&tile)), [1, 4], "no half");
    assert_eq!(choice.drawn(&street, |tile| [2, 4].contains(&tile)), [2, 4], "better than none");
    assert_eq!(choice.drawn(&street, |tile| tile != 6), [2, 3, 4]);
}

#[test]
fn what_does_not_fit_stays_coarse_where_it_matters_least() {
    let street = street();
    let between = eye(400.0);
    let everything = choose(
        &street,
        &between,
        &Focus::default(),
        &Limits { max_error_px: 1.0, ..limits(600) },
        &Choice::default(),
    );
    assert_eq!((everything.bytes, everything.held_back), (600, false));
    for (bytes, drawn) in [(599, [2, 3, 4].as_slice()), (400, &[2, 3, 4]), (399, &[1, 4])] {
        let limits = Limits { max_error_px: 1.0, ..limits(bytes) };
        let choice = choose(&street, &between, &Focus::default(), &limits, &Choice::default());
        assert!(choice.held_back && choice.bytes <= bytes, "{bytes}");
        assert_eq!(choice.drawn(&street, |_| true), drawn, "{bytes}");
    }
    // However little there is: the nearest thing is shown.
    assert_eq!(names(&look(&street, &between, 10)), [1]);
}

#[test]
fn one_storey_is_loaded_alone_and_through_its_shell() {
    let street = street();
    let only = Some(HashSet::from(["t1000".to_owned()]));
    let focus = Focus { only, inside: false };
    // Too far for anything but a shell, were it not for the storey.
    let choice = choose(&street, &eye(400.0), &focus, &limits(9_000), &Choice::default());
    assert_eq!(names(&choice), [4, 6]);
    assert_eq!(choice.drawn(&street, |_| true), [6]);
    // Where the inside is looked at, shells give way sooner.
    let inside = Focus { only: None, inside: true };
    let choice = choose(&street, &eye(-900.0), &inside, &limits(9_000), &Choice::default());
    assert_eq!(choice.drawn(&street, |_| true), [2, 3, 4]);
    assert_eq!(look(&street, &eye(-900.0), 9_000).drawn(&street, |_| true), [1, 4]);
}

#[test]
fn who_stands_at_the_limit_sees_no_change() {
    let street = street();
    // 2 m are 8 px at 250 m.
    let near = look(&street, &eye(-249.0), 9_000);
    assert_eq!(near.drawn(&street, |_| true), [2, 3, 4]);
    let stays = |x, before: &Choice| {
        let choice = choose(&street, &eye(x), &Focus::default(), &limits(9_000), before);
        choice.drawn(&street, |_| true)
    };
    assert_eq!(stays(-251.0, &near), [2, 3, 4]);
    assert_eq!(stays(-251.0, &Choice::default()), [1, 4]);
    assert_eq!(stays(-300.0, &near), [1, 4]);
}

#[test]
fn neighbours_out_of_view_come_last_and_only_where_there_is_room() {
    let mut street = street();
    street.tiles[3].bounds = Bounds { min: DVec3::ZERO, max: DVec3::new(10.0, 1.0, 1.0) };
    let mut eye = eye(-20.0);
    eye.planes[0] = DVec4::new(0.0, 1.0, 0.0, -2.0); // only y ≥ 2 is in view
    let roomy = look(&street, &eye, 9_000);
    assert_eq!(names(&roomy), [1, 2, 4, 3]);
    assert_eq!(roomy.drawn(&street, |tile| tile != 3), [2, 4], "it is not waited for");
    assert_eq!(names(&look(&street, &eye, 400)), [1, 2, 4]);
}
