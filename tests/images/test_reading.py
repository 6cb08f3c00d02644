"""What comes in as a file of any kind comes out as the right pixels, or as one clear sentence."""

import io
import random
import re
import resource
import struct
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from explainers.images.decoding import decode
from explainers.images.reading import FORMATS, ImageError, read_image

WIDTH, HEIGHT = 16, 12
SENTENCE = re.compile(r"[A-Z]([^.!?\n]|\.(?=\d))*\.")
ORIENTATION = 0x0112
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def plain(mode="RGB", colour=RED, size=(WIDTH, HEIGHT)):
    return Image.new(mode, size, colour)


def cornered():
    """Black, with a red block of 8 x 8 pixels in the upper left corner."""
    picture = Image.new("RGB", (32, 16))
    picture.paste(RED, (0, 0, 8, 8))
    return picture


def grey(values, dtype):
    """One grey value per column, repeated to 16 x 12."""
    row = np.resize(np.array(values, dtype), WIDTH)
    return Image.fromarray(np.tile(row, (HEIGHT, 1)))


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour_type, rows, *extra):
    """A PNG put together by hand, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def refusal(source, **limits):
    """The sentence with which a picture is refused."""
    with pytest.raises(ImageError) as caught:
        read_image(source, **limits)
    sentence = str(caught.value)
    assert SENTENCE.fullmatch(sentence)
    assert not re.search(r"Error|Exception|Traceback|PIL|<|0x|\\x", sentence)
    return sentence


def assert_all(pixels, colour, tolerance=0):
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(
        pixels.astype(int), np.broadcast_to(colour, pixels.shape), 0, tolerance
    )


class TestFormats:
    @pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
    def test_exact_ones_keep_every_pixel(self, kind):
        pixels = read_image(encoded(cornered(), kind))
        np.testing.assert_array_equal(pixels, np.asarray(cornered()))
        assert pixels.flags.c_contiguous
        assert pixels.flags.writeable

    @pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
    def test_lossy_ones_keep_the_colour(self, kind):
        assert_all(read_image(encoded(plain(colour=(200, 100, 50)), kind)), (200, 100, 50), 4)

    @pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA", "PCX", "EPS", "PDF", "JPEG2000"])
    def test_no_other_is_tried(self, kind):
        sentence = refusal(encoded(plain(), kind))
        assert sentence.endswith("use JPEG, PNG, GIF, WEBP, BMP, TIFF or AVIF.")

    def test_all_are_built_in(self):
        assert FORMATS == ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")


class TestSources:
    def test_all_give_the_same(self, tmp_path):
        data = encoded(cornered(), "PNG")
        path = tmp_path / "ein schönes\nBild \udcff';--.png"
        path.write_bytes(data)
        with path.open("rb") as file:
            for source in (path, str(path), file, io.BytesIO(data), data):
                np.testing.assert_array_equal(read_image(source), np.asarray(cornered()))

    def test_a_file_that_was_read_before_is_read_again(self):
        file = io.BytesIO(encoded(plain(), "PNG"))
        file.read()
        assert_all(read_image(file), RED)

    def test_the_name_says_nothing_about_the_kind(self, tmp_path):
        path = tmp_path / "picture.eps"
        path.write_bytes(encoded(plain(), "PNG"))
        assert_all(read_image(path), RED)


class TestColours:
    def test_cmyk_tiff(self):
        assert_all(read_image(encoded(plain("CMYK", (0, 255, 255, 0)), "TIFF")), RED)
        assert_all(read_image(encoded(plain("CMYK", (0, 0, 0, 255)), "TIFF")), (0, 0, 0))

    def test_cmyk_jpeg_is_stored_inverted_and_comes_out_right(self):
        data = encoded(plain("CMYK", (255, 0, 0, 0)), "JPEG", quality=95)
        assert b"Adobe" in data
        assert_all(read_image(data), (0, 255, 255), 3)

    def test_palette(self):
        assert_all(read_image(encoded(plain().quantize(2), "PNG")), RED)

    def test_lab(self):
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        colour = (200, 60, 40)
        picture = ImageCms.profileToProfile(plain(colour=colour), srgb, lab, outputMode="LAB")
        assert_all(read_image(encoded(picture, "TIFF")), colour, 3)

    def test_grey_and_one_bit(self):
        assert_all(read_image(encoded(plain("L", 77), "PNG")), (77, 77, 77))
        for kind in ("PNG", "BMP", "TIFF", "GIF"):
            assert_all(read_image(encoded(plain("1", 1), kind)), WHITE)
            assert_all(read_image(encoded(plain("1", 0), kind)), (0, 0, 0))


class TestTransparency:
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
    def test_alpha_lies_over_white(self, kind):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        half = encoded(plain("RGBA", (255, 0, 0, 128)), kind, **options)
        assert_all(read_image(half), (255, 127, 127), 1)
        none = encoded(plain("RGBA", (10, 20, 30, 0)), kind, **options)
        assert_all(read_image(none), WHITE)

    def test_grey_with_alpha(self):
        assert_all(read_image(encoded(plain("LA", (0, 51)), "PNG")), (204, 204, 204))

    @pytest.mark.parametrize("kind", ["PNG", "GIF"])
    def test_transparent_palette_entry(self, kind):
        picture = Image.new("P", (WIDTH, HEIGHT), 1)
        picture.putpalette([*RED, *BLUE])
        picture.paste(0, (0, 0, 8, HEIGHT))
        pixels = read_image(encoded(picture, kind, transparency=0))
        assert (pixels[:, :8] == WHITE).all()
        assert (pixels[:, 8:] == BLUE).all()

    def test_half_transparent_palette_entry(self):
        picture = Image.new("P", (WIDTH, HEIGHT), 1)
        picture.putpalette([*RED, *BLUE])
        data = encoded(picture, "PNG", transparency=bytes([255, 51]))
        assert_all(read_image(data), (204, 204, 255))

    def test_transparent_colour(self):
        assert_all(read_image(encoded(plain(), "PNG", transparency=RED)), WHITE)
        assert_all(read_image(encoded(plain(), "PNG", transparency=BLUE)), RED)


class TestWideValues:
    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_16_bit_grey_is_scaled_not_clipped(self, kind):
        pixels = read_image(encoded(grey([0, 257, 32896, 65535], np.uint16), kind))
        np.testing.assert_array_equal(pixels[0, :4], [[0] * 3, [1] * 3, [128] * 3, [255] * 3])

    def test_16_bit_grey_tiff_of_the_other_byte_order(self):
        picture = Image.frombytes("I;16B", (WIDTH, HEIGHT), b"\x80\x80" * (WIDTH * HEIGHT))
        assert_all(read_image(encoded(picture, "TIFF")), (128, 128, 128))

    def test_16_bit_rgb_png(self):
        rows = (b"\0" + b"\xff\xff\x80\x80\x00\x00" * WIDTH) * HEIGHT
        assert_all(read_image(png(WIDTH, HEIGHT, 16, 2, rows)), (255, 128, 0))

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0, 1], [0, 255]),
            ([0, 7, 200], [0, 7, 200]),
            ([0, 257, 65535], [0, 1, 255]),
            ([-1000, 0, 1000], [0, 128, 255]),
            ([0, 100_000, 200_000], [0, 128, 255]),
            ([300_000, 300_000], [0, 0]),
        ],
    )
    @pytest.mark.parametrize("dtype", [np.int32, np.float32])
    def test_32_bit_grey_tiff(self, values, expected, dtype):
        pixels = read_image(encoded(grey(values, dtype), "TIFF"))
        np.testing.assert_array_equal(pixels[0, : len(values), 0], expected)
        assert (pixels == pixels[..., :1]).all()

    def test_float_from_0_to_1(self):
        pixels = read_image(encoded(grey([0.0, 0.2, 1.0], np.float32), "TIFF"))
        np.testing.assert_array_equal(pixels[0, :3, 0], [0, 51, 255])

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_no_numbers(self, value):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sentence = refusal(encoded(grey([0.5, value], np.float32), "TIFF"))
        assert "not finite numbers" in sentence


class TestOrientation:
    @pytest.mark.parametrize(
        ("orientation", "rows", "columns"),
        [
            (1, slice(0, 8), slice(0, 8)),
            (2, slice(0, 8), slice(-8, None)),
            (3, slice(-8, None), slice(-8, None)),
            (4, slice(-8, None), slice(0, 8)),
            (5, slice(0, 8), slice(0, 8)),
            (6, slice(0, 8), slice(-8, None)),
            (7, slice(-8, None), slice(-8, None)),
            (8, slice(-8, None), slice(0, 8)),
        ],
    )
    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF"])
    def test_the_red_corner_moves(self, kind, orientation, rows, columns):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        pixels = read_image(encoded(cornered(), kind, exif=exif)).astype(int)
        assert pixels.shape == ((32, 16, 3) if 5 <= orientation <= 8 else (16, 32, 3))
        red = pixels[..., 0] - pixels[..., 2] > 128
        assert red.sum() == pytest.approx(64, abs=10)
        assert red[rows, columns].mean() > 0.9

    def test_one_that_does_not_exist_turns_nothing(self):
        exif = Image.Exif()
        exif[ORIENTATION] = 99
        pixels = read_image(encoded(cornered(), "PNG", exif=exif))
        np.testing.assert_array_equal(pixels, np.asarray(cornered()))

    def test_broken_exif_data_is_damage(self):
        data = png(WIDTH, HEIGHT, 8, 0, bytes((WIDTH + 1) * HEIGHT), chunk(b"eXIf", b"MM\0*\0"))
        assert "damaged" in refusal(data)

    def test_one_with_an_odd_tag_beside_is_turned_too(self):
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        exif[0x011A] = 72.0
        fraction, text = b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x02"
        data = encoded(cornered(), "JPEG", exif=exif)
        assert data.count(fraction) == 1
        assert read_image(data.replace(fraction, text)).shape == (32, 16, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_read(kind):
    frames = [plain(colour=colour) for colour in (GREEN, RED, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).n_frames == 3
    assert_all(read_image(data), GREEN, 3)


class TestRefusals:
    @pytest.mark.parametrize("data", [b"x", b"GIF8", b"Hello <script>\n" * 99, bytes(5000)])
    def test_not_a_picture(self, data):
        sentence = refusal(data)
        assert sentence.startswith("The file is not a picture of a known format: use JPEG,")

    def test_zero_bytes(self, tmp_path):
        (tmp_path / "empty.png").touch()
        for source in (b"", io.BytesIO(), tmp_path / "empty.png"):
            assert "empty" in refusal(source)

    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
    def test_truncated_is_an_error_not_half_a_picture(self, kind, part):
        picture = Image.effect_noise((64, 48), 60).convert("RGB")
        data = encoded(picture, kind)
        sentence = refusal(data[: int(part * len(data))])
        assert sentence.startswith(f"The file looks like {kind} but is damaged, cut short or of")

    def test_unusual_kind(self):
        tifffile = pytest.importorskip("tifffile")
        file = io.BytesIO()
        tifffile.imwrite(file, np.zeros((12, 16, 3), np.float32), photometric="rgb")
        assert "unusual kind: save it again, for example as an 8-bit PNG" in refusal(file)

    def test_palette_picture_without_its_palette(self):
        assert "damaged" in refusal(png(WIDTH, HEIGHT, 8, 3, bytes((WIDTH + 1) * HEIGHT)))

    def test_too_many_bytes(self, tmp_path):
        class Endless(io.RawIOBase):
            taken = 0

            def readable(self):
                return True

            def read(self, size=-1):
                assert size >= 0
                self.taken += size
                return bytes(size)

        endless = Endless()
        assert "larger than the 25 MiB allowed" in refusal(endless)
        assert endless.taken == 25 * 2**20 + 1
        assert "larger than the 0.5 MiB" in refusal(bytes(2**19 + 1), max_bytes=2**19)
        (tmp_path / "large").write_bytes(bytes(2**19 + 1))
        assert "larger than the 0.5 MiB" in refusal(tmp_path / "large", max_bytes=2**19)

    def test_just_the_allowed_bytes(self):
        data = encoded(plain(), "PNG")
        assert_all(read_image(data, max_bytes=len(data)), RED)
        refusal(data, max_bytes=len(data) - 1)

    def test_just_the_allowed_pixels(self):
        data = encoded(plain(), "PNG")
        assert_all(read_image(data, max_pixels=WIDTH * HEIGHT), RED)
        assert "16 × 12 pixels, more than" in refusal(data, max_pixels=WIDTH * HEIGHT - 1)

    @pytest.mark.parametrize("size", [(1, 1), (7, 8), (8, 7), (20_000, 1), (1, 300)])
    def test_too_small(self, size):
        sentence = refusal(encoded(plain(size=size), "PNG"))
        assert f"{size[0]:,} × {size[1]:,} pixels, too small" in sentence
        assert "at least 8 pixels" in sentence

    @pytest.mark.parametrize("size", [(161, 8), (8, 161), (20_000, 10)])
    def test_too_long_a_strip(self, size):
        sentence = refusal(encoded(plain(size=size), "PNG"))
        assert f"{size[0]:,} × {size[1]:,} pixels, too long a strip" in sentence
        assert "20 times" in sentence

    @pytest.mark.parametrize("size", [(8, 8), (160, 8), (8, 160)])
    def test_just_the_allowed_shape(self, size):
        assert read_image(encoded(plain(size=size), "PNG")).shape == (size[1], size[0], 3)

    def test_paths(self, tmp_path, monkeypatch):
        picture = tmp_path / "picture.png"
        picture.write_bytes(encoded(plain(), "PNG"))
        assert "no file at this path" in refusal(tmp_path / "nothing\n.png")
        assert "no file at this path" in refusal(picture / "below")
        assert "folder" in refusal(tmp_path)
        assert "cannot be opened" in refusal("a\0b.png")
        assert "cannot be opened" in refusal("\ud800.png")
        assert "cannot be opened" in refusal("a" * 5000)

        def forbidden(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", forbidden)
        assert "may not be read" in refusal(picture)


class TestBombs:
    """Sizes are refused as the header declares them, whatever the process's warning filters."""

    def test_memory_stays_flat_and_nothing_is_decoded(self, monkeypatch):
        monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
        data = png(60_000, 60_000, 8, 2, bytes(10**6))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tracemalloc.start()
        with pytest.raises(ImageError) as caught:
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "60,000 × 60,000 pixels, more than the 40 million allowed" in str(caught.value)
        assert peak < 2**20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000

    @pytest.mark.parametrize("action", ["error", "always"])
    @pytest.mark.parametrize("side", [6_400, 10_000, 14_000])
    def test_pillow_does_not_join_in(self, side, action):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action)
            with pytest.raises(ImageError, match=f"{side:,} × {side:,} pixels"):
                decode(png(side, side, 8, 0, b""))
        assert not caught

    @pytest.mark.parametrize("side", [6_400, 16_383])
    def test_webp_which_judges_its_size_itself(self, side):
        header = b"VP8L" + struct.pack("<IBI", 5, 0x2F, side - 1 | side - 1 << 14) + b"\0"
        data = b"RIFF" + struct.pack("<I", len(header) + 4) + b"WEBP" + header
        assert "declares more pixels than the 40 million allowed" in refusal(data)

    def test_gif_bmp_jpeg(self):
        gif = bytearray(encoded(plain(), "GIF"))
        gif[6:10] = struct.pack("<HH", 65_535, 65_535)
        assert "65,535 × 65,535" in refusal(bytes(gif))
        bmp = bytearray(encoded(plain(), "BMP"))
        bmp[18:26] = struct.pack("<ii", 50_000, 50_000)
        assert "50,000 × 50,000" in refusal(bytes(bmp))
        jpeg = bytearray(encoded(plain(), "JPEG"))
        frame = jpeg.index(b"\xff\xc0")
        jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
        assert "65,000 × 65,000" in refusal(bytes(jpeg))

    def test_text_that_unpacks_endlessly(self):
        text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(5 * 10**7)))
        data = png(WIDTH, HEIGHT, 8, 0, bytes((WIDTH + 1) * HEIGHT), text)
        assert "damaged" in refusal(data)


def small_files():
    noise = Image.effect_noise((24, 16), 60).convert("RGB")
    palette = noise.quantize(8)
    clear = noise.copy()
    clear.putalpha(Image.linear_gradient("L").resize(noise.size))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "Maker"
    yield encoded(noise, "JPEG", exif=exif)
    yield encoded(noise.convert("CMYK"), "JPEG", progressive=True)
    yield encoded(clear, "PNG", exif=exif)
    yield encoded(grey(range(0, 64_000, 4_000), np.uint16), "PNG")
    yield encoded(palette, "PNG", transparency=3)
    yield encoded(palette, "GIF", save_all=True, append_images=[palette.rotate(180)])
    yield encoded(clear, "WEBP", exif=exif)
    yield encoded(noise, "WEBP", save_all=True, append_images=[noise.rotate(180)])
    yield encoded(noise, "BMP")
    yield encoded(palette, "BMP")
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        yield encoded(noise, "TIFF", compression=compression, exif=exif)
    yield encoded(grey([0, 0.5, 1], np.float32), "TIFF")
    yield encoded(clear, "AVIF", speed=10, exif=exif)


def mutated(data, others, chance):
    data = bytearray(data)
    reach = min(len(data), chance.choice([64, 400, len(data)]))
    for _ in range(chance.randint(1, 5)):
        start = chance.randrange(reach)
        match chance.choice(["flip", "flip", "byte", "byte", "splice", "grow", "cut"]):
            case "flip":
                data[start] ^= 1 << chance.randrange(8)
            case "byte":
                data[start] = chance.choice([0, 1, 127, 128, 255])
            case "splice":
                other = chance.choice(others)
                place = chance.randrange(len(other))
                data[start : start + 20] = other[place : place + 20]
            case "grow":
                data[start:start] = chance.randbytes(8)
            case "cut":
                del data[chance.randrange(8, len(data)) :]
        reach = min(reach, len(data))
    return bytes(data)


def test_whatever_the_bytes_it_is_a_picture_or_a_sentence():
    chance = random.Random(2024)
    files = list(small_files())
    for data in files:
        assert read_image(data).ndim == 3
    pictures, sentences = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in files:
            for _ in range(60):
                try:
                    pictures.append(read_image(mutated(data, files, chance), max_pixels=10**6))
                except ImageError as error:
                    sentences.append(str(error))
    assert min(len(pictures), len(sentences)) > 100
    assert all(SENTENCE.fullmatch(sentence) for sentence in sentences)
    for pixels in pictures:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
        assert pixels.flags.c_contiguous


def test_many_at_once():
    good, bomb = encoded(cornered(), "PNG"), png(10_000, 10_000, 8, 0, b"")

    def read(number):
        return refusal(bomb) if number % 2 else read_image(good).shape

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(read, range(40)))
    assert set(results[::2]) == {(16, 32, 3)}
    assert all("10,000 × 10,000" in sentence for sentence in results[1::2])
