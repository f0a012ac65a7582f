"""The chapter "Tags". Source: the VideoCMS contract, section 9."""

import pytest

from tests.contract.videocms.bodies import sent
from tests.contract.videocms.site import golden, is_empty, is_text, shape


def tags_of(site, video):
    (found,) = [each for each in site.client.get("/api/files").json() if each["ID"] == video.id]
    return [each["Name"] for each in found["Tags"]]


class TestAddTag:
    @pytest.mark.parametrize("way", ["multipart", "form", "json"])
    @pytest.mark.parametrize("name", ["LinkId", "linkID"])
    def test_the_link_has_it(self, site, way, name):
        video = site.video(site.bobby)
        found = site.client.post("/api/file/tag", **sent(way, Name="a", **{name: video.id}))
        assert found.status_code == 200
        assert shape(found.json()) == shape(golden("tag"))
        assert found.json()["Name"] == "a"
        assert tags_of(site, video) == ["a"]

    def test_a_name_is_one_tag_of_a_person(self, site):
        one, two, hers = site.video(site.bobby), site.video(site.bobby), site.video(site.carol)

        def add(video, **given):
            return site.client.post(
                "/api/file/tag", json={"Name": "a", "LinkId": video.id}, **given
            ).json()["ID"]

        assert add(one) == add(two) == add(two)
        assert tags_of(site, two) == ["a"]
        assert add(hers, headers=site.as_user(site.carol)) != add(one)

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("POST", "/api/file/tag", json={}), 403)

    def test_a_key_acts_as_its_owner(self, site):
        given = {"Name": "a", "LinkId": site.video(site.bobby).id}
        headers = {"authorization": site.key(site.bobby)}
        found = site.client.post("/api/file/tag", headers=headers, json=given)
        assert found.status_code == 200

    def test_missing_and_strangers_are_400_for_administrators_too(self, site):
        theirs = site.video(site.carol)
        for person in (site.bobby, site.alice):
            headers = site.as_user(person)
            given = {"Name": "a", "LinkId": theirs.id}
            found = site.client.post("/api/file/tag", headers=headers, json=given)
            missing = site.client.post(
                "/api/file/tag", headers=headers, json={"Name": "a", "LinkId": 999}
            )
            assert is_text(missing, 400)
            assert is_text(found, 400, missing.text)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({}, "Name [required] : "),
            ({"Name": "x"}, "LinkId [required] : "),
            ({"Name": "x" * 121, "LinkId": 1}, "Name [max] : 120"),
        ],
    )
    def test_the_first_rule_that_fails_is_told(self, client, given, text):
        assert is_text(client.post("/api/file/tag", json=given), 400, text)

    @pytest.mark.parametrize("given", [{"Name": 1, "LinkId": 1}, {"Name": "x", "LinkId": "1"}, []])
    def test_a_wrong_kind_is_400(self, client, given):
        assert is_text(client.post("/api/file/tag", json=given), 400)


class TestRemoveTag:
    # 0.1.3: the panel sends a form with DELETE.
    @pytest.mark.parametrize("way", ["multipart", "json", "query"])
    def test_the_link_has_it_no_more_and_others_keep_it(self, site, way):
        one, two = site.video(site.bobby), site.video(site.bobby)
        given = {"Name": "a", "LinkId": one.id}
        tag = site.client.post("/api/file/tag", json=given).json()["ID"]
        site.client.post("/api/file/tag", json={**given, "LinkId": two.id})
        given = sent(way, TagId=tag, LinkId=one.id)
        found = site.client.request("DELETE", "/api/file/tag", **given)
        assert is_empty(found, 200)
        assert (tags_of(site, one), tags_of(site, two)) == ([], ["a"])
        again = site.client.request("DELETE", "/api/file/tag", **given)
        assert is_empty(again, 200)

    def test_nobody_is_403(self, site):
        assert is_text(site.anonymous("DELETE", "/api/file/tag", json={}), 403)

    def test_unknown_and_strangers_tags_and_links_are_400(self, site):
        mine, hers = site.video(site.bobby), site.video(site.carol)
        own = site.client.post("/api/file/tag", json={"Name": "a", "LinkId": mine.id}).json()["ID"]
        given = {"Name": "a", "LinkId": hers.id}
        carol = site.as_user(site.carol)
        other = site.client.post("/api/file/tag", headers=carol, json=given).json()["ID"]
        for tag, link in ((999, mine.id), (other, mine.id), (own, 999), (own, hers.id)):
            given = {"TagId": tag, "LinkId": link}
            assert is_text(site.client.request("DELETE", "/api/file/tag", json=given), 400)
        assert tags_of(site, mine) == ["a"]

    @pytest.mark.parametrize(
        ("given", "text"),
        [({}, "TagId [required] : "), ({"TagId": 1}, "LinkId [required] : ")],
    )
    def test_both_are_required(self, client, given, text):
        assert is_text(client.request("DELETE", "/api/file/tag", json=given), 400, text)
