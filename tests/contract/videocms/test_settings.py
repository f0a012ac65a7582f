"""The chapter "Settings". Source: the VideoCMS contract, section 17."""

import pytest

from polyreel.core import library
from polyreel.core.options import read_options
from tests.contract.videocms.site import golden, is_text, shape

PATH = "/api/settings"
MASK = "********"
WANTED = golden("settings")
KEYS = [key for key in WANTED if key not in ("ID", "CreatedAt", "UpdatedAt", "DeletedAt")]
# What no server of ours begins with: its name, its address, secrets that are shown, cookies for all.
OURS = {"AppName", "BaseUrl", "JwtSecretKey", "JwtMediaSecretKey", "CorsAllowCredentials"}


@pytest.fixture
def admin(site):
    """The client of alice, an administrator."""
    site.client.headers["authorization"] = f"Bearer {site.jwt(site.alice)}"
    return site.client


def change(client, **changes):
    """The whole object back with these changes, as the panel does."""
    return client.put(PATH, json={**client.get(PATH).json(), **changes})


def options(site):
    with site.db.read() as tx:
        return read_options(tx)


@pytest.mark.parametrize("method", ["GET", "PUT"])
class TestWho:
    def test_nobody_unknown(self, site, method):
        assert is_text(site.anonymous(method, PATH), 403)

    def test_no_stranger(self, client, method):
        assert is_text(client.request(method, PATH), 403, "Not Permitted")

    def test_no_key_not_even_an_administrators(self, site, method):
        found = site.client.request(method, PATH, headers=site.as_key(site.alice))
        assert is_text(found, 403, "API Key Not Permitted for Admin Routes")


class TestRead:
    def test_every_key_and_all_values_are_texts(self, admin):
        found = admin.get(PATH)
        assert found.status_code == 200
        assert shape(found.json()) == shape(WANTED)
        assert {key: found.json()[key] for key in KEYS if key not in OURS} == {
            key: WANTED[key] for key in KEYS if key not in OURS
        }

    def test_secrets_are_masked(self, site, admin):
        site.option("turnstile_private_key", "hush")
        found = admin.get(PATH)
        assert found.json()["JwtSecretKey"] == found.json()["JwtMediaSecretKey"] == MASK
        assert found.json()["Captcha_Turnstile_PrivateKey"] == MASK
        assert "hush" not in found.text


class TestChange:
    def test_what_was_read_can_be_sent_back(self, site, admin):
        before = options(site)
        assert is_text(change(admin), 200, "ok")
        assert options(site) == before
        assert admin.get("/api/auth/check").status_code == 200

    def test_each_key_is_kept_and_counts_at_once(self, site, admin):
        given = {
            "AppName": "Kino",
            "BaseUrl": "https://kino.example",
            "ProjectExampleVideo": "550e8400-e29b-41d4-a716-446655440000",
            "UploadEnabled": "false",
            "RatelimitRateAuth": "7",
            "TrustedProxies": "10.0.0.0/8, ::1",
            "MaxRunningEncodes": "3",
            "MaxFramerate": "30",
            "MaxUploadFilesize": "1000",
            "CaptchaType": "hcaptcha",
            "Captcha_Hcaptcha_PrivateKey": "secret",
            "Captcha_Hcaptcha_PublicKey": "550e8400-e29b-41d4-a716-446655440000",
            "EncodeHls240p": "f",
            "Hls720pVideoBitrate": "3M",
            "Hls1080pVideoBitrate": "7999999",
            "Hls720pCrf": "0021",
            "RemoteDownloadTimeout": "60",
        }
        assert is_text(change(admin, **given), 200, "ok")
        found = admin.get(PATH).json()
        changed = {**given, "Captcha_Hcaptcha_PrivateKey": MASK, "EncodeHls240p": "false"}
        changed |= {"Hls720pVideoBitrate": "3000k", "Hls720pCrf": "21"}
        assert {key: found[key] for key in given} == changed
        assert found["UpdatedAt"] > "2020"
        now = options(site)
        assert (now.app_name, now.max_fps, now.encode_240) == ("Kino", 30, False)
        assert (now.max_bitrate_720_bps, now.max_bitrate_1080_bps) == (3_000_000, 7_999_999)
        config = admin.get("/api/config").json()
        assert (config["AppName"], config["UploadEnabled"]) == ("Kino", False)
        assert config["BaseUrl"] == "https://kino.example"

    def test_the_mask_keeps_a_secret_and_an_empty_text_takes_it_away(self, site, admin):
        site.option("turnstile_private_key", "hush")
        change(admin, AppName="Kino")
        assert options(site).turnstile_private_key == "hush"
        change(admin, Captcha_Turnstile_PrivateKey="")
        assert options(site).turnstile_private_key == ""

    def test_what_comes_from_elsewhere_goes_on_coming_from_there(self, site, admin):
        site.set(base_url="https://old.example")
        change(admin, AppName="Kino")
        assert (options(site).public_url, options(site).encodes_at_once) == ("", 0)
        site.set(base_url="https://new.example")
        assert admin.get(PATH).json()["BaseUrl"] == "https://new.example"

    @pytest.mark.parametrize("key", [key for key in KEYS if WANTED[key]])
    def test_a_missing_key_is_told(self, admin, key):
        sent = {name: text for name, text in admin.get(PATH).json().items() if name != key}
        assert is_text(admin.put(PATH, json=sent), 400, f"{key} [required] : ")

    @pytest.mark.parametrize(
        ("change_of", "text"),
        [
            ({"ID": 0}, "ID [required] : "),
            ({"AppName": ""}, "AppName [required] : "),
            ({"AppName": "x" * 121}, "AppName [max] : 120"),
            ({"BaseUrl": "kino.example"}, "BaseUrl [http_url] : "),
            ({"JwtSecretKey": "short"}, "JwtSecretKey [min] : 8"),
            ({"UploadEnabled": "yes"}, "UploadEnabled [boolean] : "),
            ({"MaxFramerate": "sixty"}, "MaxFramerate [number] : "),
            ({"MaxFramerate": "-1"}, "MaxFramerate [number] : "),
            ({"MaxFramerate": "0"}, "MaxFramerate [min] : 1"),
            ({"MaxFramerate": "9" * 5000}, "MaxFramerate [max] : 240"),
            ({"Hls240pVideoBitrate": "fast"}, "Hls240pVideoBitrate [bitrate] : "),
            ({"Hls240pVideoBitrate": "1k"}, "Hls240pVideoBitrate [min] : 50000"),
            ({"CaptchaType": "mine"}, "CaptchaType [oneof] : recaptcha hcaptcha turnstile"),
            ({"CaptchaEnabled": "1"}, "CaptchaType [required_if] : CaptchaEnabled 1"),
            (
                {"CaptchaType": "turnstile"},
                "Captcha_Turnstile_PrivateKey [required_if] : CaptchaType turnstile",
            ),
            ({"Captcha_Hcaptcha_PublicKey": "x"}, "Captcha_Hcaptcha_PublicKey [uuid_rfc4122] : "),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, site, admin, change_of, text):
        before = options(site)
        assert is_text(change(admin, **change_of), 400, text)
        assert options(site) == before

    @pytest.mark.parametrize(
        "change_of",
        [{"ID": 2}, {"ID": "1"}, {"UploadEnabled": True}, {"MaxFramerate": 60},
         {"TrustedProxies": "nowhere"}, {"AppName": "a\u0000b"}, {"AppName": "a\nb"}],
    )  # fmt: skip
    def test_what_makes_no_sense_is_400_and_changes_nothing(self, site, admin, change_of):
        before = options(site)
        assert is_text(change(admin, **{"MaxFramerate": "30", **change_of}), 400)
        assert options(site) == before

    def test_without_a_body_it_is_400(self, admin):
        assert is_text(admin.put(PATH), 400, "ID [required] : ")

    def test_a_new_key_for_logins_ends_them_all(self, site, admin):
        assert is_text(change(admin, JwtSecretKey="another secret"), 200, "ok")
        assert is_text(admin.get(PATH), 403)
        assert is_text(admin.get("/api/files", headers=site.as_user(site.bobby)), 403)

    def test_a_new_key_for_media_ends_every_ticket(self, site, admin):
        video = site.video(site.bobby)
        assert is_text(change(admin, JwtMediaSecretKey="another secret"), 200, "ok")
        with site.db.read() as tx:
            found = library.find_video_by_uuid(tx, video.uuid)
        assert found is not None
        assert found.policy_version == video.policy_version + 1
        assert admin.get(PATH).status_code == 200
