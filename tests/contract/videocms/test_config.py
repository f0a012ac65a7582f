"""GET /api/config. Source: the VideoCMS contract, section 5."""

from tests.contract.videocms.site import golden, shape


class TestConfig:
    def test_anyone_reads_exactly_these_keys(self, site):
        found = site.anonymous("GET", "/api/config")
        assert found.status_code == 200
        assert found.headers["content-type"] == "application/json"
        assert shape(found.json()) == shape(golden("config"))

    def test_a_false_token_does_not_matter(self, client):
        headers = {"authorization": "Bearer rubbish"}
        assert client.get("/api/config", headers=headers).status_code == 200

    def test_the_defaults_are_those_of_the_contract(self, client):
        ours = {"AppName", "BaseUrl"}
        found, wanted = client.get("/api/config").json(), golden("config")
        assert {key: found[key] for key in wanted if key not in ours} == {
            key: wanted[key] for key in wanted if key not in ours
        }

    def test_it_says_what_is_in_force(self, site):
        site.option("app_name", "Cinema")
        site.option("uploads_enabled", False)
        site.option("videocms_upload_max_bytes", 1000)
        site.option("downloads_enabled", False)
        site.set(base_url="https://video.example")
        found = site.client.get("/api/config").json()
        assert (found["AppName"], found["BaseUrl"]) == ("Cinema", "https://video.example")
        assert (found["UploadEnabled"], found["MaxUploadFilesize"]) == (False, 1000)
        assert found["DownloadEnabled"] is False

    def test_what_the_settings_say(self, site):
        site.option("captcha_type", "turnstile")
        site.option("captcha_at_login", True)
        site.option("turnstile_public_key", "site-key")
        site.option("turnstile_private_key", "hush")
        site.option("remote_downloads_enabled", False)
        site.option("encoding_enabled", False)
        answer = site.client.get("/api/config")
        found = answer.json()
        assert (found["CaptchaType"], found["CaptchaLoginEnabled"]) == ("turnstile", True)
        assert found["Captcha_Turnstile_PublicKey"] == "site-key"
        assert (found["RemoteDownloadEnabled"], found["EncodingEnabled"]) == (False, False)
        assert "hush" not in answer.text

    def test_the_smaller_limit_counts_and_none_is_a_great_number(self, site):
        site.set(upload_max_bytes=500)
        assert site.client.get("/api/config").json()["MaxUploadFilesize"] == 500
        site.set(upload_max_bytes=0)
        site.option("videocms_upload_max_bytes", 0)
        assert site.client.get("/api/config").json()["MaxUploadFilesize"] == 2**53 - 1

    def test_without_a_setting_the_address_is_that_of_the_request(self, client):
        found = client.get("/api/config", headers={"host": "nas.home:8080"}).json()
        assert found["BaseUrl"] == "http://nas.home:8080"
