"""The arithmetic of MixUp and CutMix, next to numpy."""

from collections import Counter

import numpy as np
import pytest

import augseq
from augseq.augment.mixing import Mix, Mixing, make_mixing
from augseq.sampling.randomness import Stream, record_rng

SIZE = (23, 31)


def images(dtype: str, channels: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*SIZE, channels)).astype(dtype) for _ in range(2)]


def mixing(*methods: augseq.MixUp | augseq.CutMix) -> Mixing:
    made = make_mixing(list(methods), shuffle=True)
    assert made is not None
    return made


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
def test_blended_integers_are_rounded_once(channels: int) -> None:
    own, other = images("uint8", channels)
    for share in np.random.default_rng(1).random(20).tolist():
        mixed = Mix("MixUp", share).pixels(own, other)
        assert (mixed.dtype, mixed.shape) == (own.dtype, own.shape)
        exact = own * share + other * (1 - share)
        # The nearest integer; cv2 adds in single precision.
        assert np.abs(mixed - exact).max() <= 0.5 + 1e-4


def test_blended_floats_are_not_rounded() -> None:
    own, other = images("float32")
    mixed = Mix("MixUp", 0.3).pixels(own, other)
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(mixed, own * 0.3 + other * 0.7, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_whole_share_is_the_image_itself(share: float) -> None:
    own, other = images("uint8")
    np.testing.assert_array_equal(Mix("MixUp", share).pixels(own, other), own if share else other)


def test_images_that_are_views_are_mixed_and_stay_as_they_are() -> None:
    own, other = (image[::-1, ::-1] for image in images("uint8"))
    for mix in (Mix("MixUp", 0.5), Mix("CutMix", 0.5, (2, 3, 9, 9))):
        before = own.copy(), other.copy()
        mixed = mix.pixels(own, other)
        assert not np.shares_memory(mixed, own)
        assert not np.shares_memory(mixed, other)
        np.testing.assert_array_equal((own, other), before)


def test_an_integer_and_a_float_image_give_floats() -> None:
    own, other = images("uint8")
    for mix in (Mix("MixUp", 0.5), Mix("CutMix", 0.5, (0, 0, 4, 4))):
        expected = mix.pixels(own.astype("float32"), other.astype("float32") / 2)
        np.testing.assert_array_equal(mix.pixels(own, other.astype("float32") / 2), expected)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_the_share_of_a_paste_is_its_exact_share_of_the_pixels(alpha: float) -> None:
    rng = np.random.default_rng(2)
    own, other = np.zeros((*SIZE, 3), np.uint8), np.ones((*SIZE, 3), np.uint8)
    for _ in range(300):
        mix = mixing(augseq.CutMix(alpha)).draw(SIZE, rng)
        assert mix is not None
        assert mix.box is not None
        top, left, height, width = mix.box
        assert 0 <= top <= top + height <= SIZE[0]
        assert 0 <= left <= left + width <= SIZE[1]
        assert 1 - mix.pixels(own, other).mean() == pytest.approx(mix.share, abs=1e-12)


def test_pastes_reach_all_sides_as_often() -> None:
    rng = np.random.default_rng(3)
    pasted = np.zeros(SIZE)
    for _ in range(4000):
        mix = mixing(augseq.CutMix()).draw(SIZE, rng)
        assert mix is not None
        pasted += mix.pixels(np.zeros(SIZE), np.ones(SIZE))
    # Centres are uniform, so the rim is pasted less often than the centre, but not rarely.
    assert pasted.min() > 0.2 * pasted.max()
    for half in (pasted[: SIZE[0] // 2], pasted[:, : SIZE[1] // 2]):
        assert half.sum() == pytest.approx(pasted.sum() * half.size / pasted.size, rel=0.08)


def test_the_larger_share_of_a_blend_has_the_variance_of_the_distribution() -> None:
    rng = np.random.default_rng(4)
    for alpha in (0.2, 1.0, 4.0):
        draws = [mixing(augseq.MixUp(alpha)).draw(SIZE, rng) for _ in range(5000)]
        shares = np.array([mix.share for mix in draws if mix is not None])
        assert len(shares) == 5000
        # The larger of two shares, whose distribution has the mean 0.5.
        assert 0.5 <= shares.min() <= shares.max() <= 1
        assert ((shares - 0.5) ** 2).mean() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ([augseq.MixUp()], {"MixUp": 1}),
        ([augseq.MixUp(), augseq.CutMix()], {"MixUp": 0.5, "CutMix": 0.5}),
        ([augseq.MixUp(p=0.2), augseq.CutMix()], {"MixUp": 0.2, "CutMix": 0.8}),
        ([augseq.MixUp(p=0.1), augseq.CutMix(p=0.3)], {"MixUp": 0.1, "CutMix": 0.3, None: 0.6}),
        ([augseq.CutMix(p=0)], {None: 1}),
    ],
)
def test_each_method_has_its_probability(methods: list, expected: dict) -> None:
    rng = np.random.default_rng(5)
    draws = [mixing(*methods).draw(SIZE, rng) for _ in range(4000)]
    counts = Counter(mix and mix.name for mix in draws)
    assert counts.keys() == expected.keys()
    for name, share in expected.items():
        assert counts[name] / 4000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("mix", [None, [], ()])
def test_nothing_is_mixed_without_a_method(mix: object) -> None:
    assert make_mixing(mix, shuffle=True) is None


def test_one_method_needs_no_list() -> None:
    assert make_mixing(augseq.CutMix(), shuffle=True) == mixing(augseq.CutMix())


@pytest.mark.parametrize(
    ("mix", "text"),
    [
        ("mixup", r"`mix` must be augseq.MixUp\(\), augseq.CutMix\(\) or a list of both."),
        (0.2, r"Received: mix=0.2"),
        ([augseq.MixUp], r"or a list of both"),
        ([augseq.MixUp(p=0.7), augseq.CutMix(p=0.5)], r"must not be more than 1 in total"),
    ],
)
def test_another_mix_is_refused(mix: object, text: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=text):
        make_mixing(mix, shuffle=True)


@pytest.mark.parametrize("options", [{"alpha": 0}, {"alpha": -1}, {"alpha": "0.2"}, {"p": 1.5}])
@pytest.mark.parametrize("kind", [augseq.MixUp, augseq.CutMix])
def test_other_options_are_refused(kind: type, options: dict) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="must be a finite number"):
        kind(**options)


def test_the_draws_of_a_seed_never_change() -> None:
    """Golden values: another version of numpy must not change the images of a run."""
    rng = record_rng(7, Stream.MIX, epoch=1, index=42)
    both = mixing(augseq.MixUp(0.2), augseq.CutMix())
    found = [both.draw((224, 224), rng) for _ in range(7)]
    assert [(mix.name, mix.box) for mix in found if mix] == [
        ("MixUp", None),
        ("MixUp", None),
        ("CutMix", (65, 0, 159, 174)),
        ("MixUp", None),
        ("CutMix", (80, 37, 144, 174)),
        ("CutMix", (48, 63, 62, 62)),
        ("CutMix", (0, 90, 180, 134)),
    ]
    shares = [
        0.9996177997585682,
        0.5129801672546811,
        0.44862085459183676,
        0.9998949738430657,
        0.5006377551020409,
        0.9233896683673469,
        0.5192920918367347,
    ]
    assert [mix.share for mix in found if mix] == pytest.approx(shares, rel=1e-12)
