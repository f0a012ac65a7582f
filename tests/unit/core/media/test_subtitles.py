"""Rows of subtitle tracks: whose they are, their order, their states; and chapters as a track."""

import pytest

from polyreel.core.library import delete_video, get_video
from polyreel.core.media.subtitle_making import chapters_track
from polyreel.core.media.subtitles import (
    Font,
    SubtitleNotFound,
    Texts,
    Work,
    add_subtitle,
    fail_subtitles,
    list_fonts,
    list_subtitle_keys,
    list_subtitles,
    plan_subtitles,
    publish_subtitles,
    remove_subtitle,
    replace_subtitle,
)
from polyreel.infra.probe import Chapter
from tests.factories.library import make_media, make_video
from tests.factories.probes import make_probe, make_subtitle

TEXTS = Texts("subtitles/a.vtt", "subtitles/a.ass", is_styled=False)


@pytest.fixture
def films(site):
    """Two films, each with a track that is to be made; (media id, video id) of each."""
    found = []
    with site.tools.db.write() as tx:
        for number in range(2):
            media = make_media(tx, uid=f"{number:036}")
            video = make_video(tx, site.alice, media)
            plan_subtitles(tx, media.id, make_probe(subtitles=[make_subtitle()]), has_ocr=False)
            found.append((media.id, video.id))
    return found


def test_every_film_has_its_own_tracks(site, films):
    (first, first_video), (second, second_video) = films
    with site.tools.db.write() as tx:
        add_subtitle(tx, first_video, language="de", title="Deutsch", texts=TEXTS)
        assert [item.media_id for item in list_subtitles(tx, first)] == [first]
        assert [item.media_id for item in list_subtitles(tx, second)] == [second]
        assert [item.title for item in list_subtitles(tx, first, first_video)][1:] == ["Deutsch"]
        assert len(list_subtitles(tx, second, second_video)) == 1


def test_what_is_planned_of_one_film_is_no_work_of_another(site, films):
    with site.tools.db.write() as tx:
        third = make_media(tx, uid="3" * 36)
        assert plan_subtitles(tx, third.id, make_probe(), has_ocr=False) == Work(
            texts=False, pictures=False
        )


def test_pictures_wait_for_a_reader_and_say_so(site, films):
    probe = make_probe(
        subtitles=[make_subtitle(codec="hdmv_pgs_subtitle"), make_subtitle(codec="dvb_subtitle")]
    )
    media_id = films[0][0]
    with site.tools.db.write() as tx:
        assert plan_subtitles(tx, media_id, probe, has_ocr=False) == Work(
            texts=False, pictures=False
        )
        assert [(item.state, item.message) for item in list_subtitles(tx, media_id)] == [
            ("failed", "These subtitles are pictures: no OCR server is set up to read them."),
            ("failed", "Subtitles of this kind cannot be read."),
        ]
        assert plan_subtitles(tx, media_id, probe, has_ocr=True) == Work(texts=False, pictures=True)
        assert [item.state for item in list_subtitles(tx, media_id)] == ["planned", "failed"]


def test_tracks_that_people_bring_keep_their_order_when_one_goes(site, films):
    video_id = films[0][1]
    with site.tools.db.write() as tx:
        made = [
            add_subtitle(tx, video_id, language=None, title=title, texts=TEXTS) for title in "abc"
        ]
        remove_subtitle(tx, video_id, made[0].uid)
        add_subtitle(tx, video_id, language=None, title="d", texts=TEXTS)
        titles = [item.title for item in list_subtitles(tx, 0, video_id)]
    assert titles == ["b", "c", "d"]


def test_a_replaced_track_is_the_same_with_another_revision(site, films):
    video_id = films[0][1]
    with site.tools.db.write() as tx:
        made = add_subtitle(tx, video_id, language="de", title="Deutsch", texts=TEXTS)
        other = Texts("subtitles/b.vtt", "subtitles/b.ass", is_styled=True)
        changed = replace_subtitle(tx, video_id, made.uid, other)
    assert (changed.uid, changed.language, changed.title) == (made.uid, "de", "Deutsch")
    assert (changed.revision, changed.vtt_key, changed.is_styled) == (2, "subtitles/b.vtt", True)


def test_a_track_of_the_file_or_of_another_film_is_not_to_be_replaced(site, films):
    (media_id, video_id), (_, other_id) = films
    with site.tools.db.write() as tx:
        own = list_subtitles(tx, media_id)[0]
        made = add_subtitle(tx, video_id, language=None, title="x", texts=TEXTS)
        for place, uid in [(video_id, own.uid), (other_id, made.uid), (video_id, "nothing")]:
            with pytest.raises(SubtitleNotFound):
                replace_subtitle(tx, place, uid, TEXTS)
            with pytest.raises(SubtitleNotFound):
                remove_subtitle(tx, place, uid)


def test_what_is_made_is_named_for_the_sweep_and_goes_with_the_film(site, films):
    media_id, video_id = films[0]
    with site.tools.db.write() as tx:
        planned = list_subtitles(tx, media_id)[0]
        font = Font(0, "Glass", "media/f", 100)
        publish_subtitles(tx, media_id, {planned.id: ("media/v", "media/a")}, {}, [font])
        add_subtitle(tx, video_id, language=None, title="x", texts=TEXTS)
        assert list_fonts(tx, media_id) == [font]
        named = {"media/v", "media/a", "media/f", TEXTS.vtt_key, TEXTS.ass_key}
        assert set(list_subtitle_keys(tx)) == named
        delete_video(tx, site.alice, get_video(tx, site.alice, video_id).uuid)
    with site.tools.db.read() as tx:
        assert TEXTS.vtt_key not in list_subtitle_keys(tx)


def test_only_what_is_still_planned_fails(site, films):
    (first, _), (second, _) = films
    with site.tools.db.write() as tx:
        fail_subtitles(tx, first, list_subtitles(tx, first), "It broke. " * 100)
        failed, other = list_subtitles(tx, first)[0], list_subtitles(tx, second)[0]
    assert (failed.state, len(failed.message or "")) == ("failed", 500)
    assert other.state == "planned"


def test_chapters_are_a_track():
    chapters = [Chapter(0, 10_000, "One & <two>"), Chapter(10_000, 3_700_500, "")]
    assert chapters_track(chapters) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nOne &amp; &lt;two>\n\n"
        "00:00:10.000 --> 01:01:40.500\nChapter 2\n"
    )


def test_a_title_cannot_begin_another_cue():
    text = chapters_track([Chapter(0, 5, "a\n\n00:00.000 --> 00:09.000\nb")])
    assert text.count("-->") == 1
    assert text.count("\n\n") == 1


def test_a_chapter_without_length_or_before_the_beginning_is_a_cue():
    assert "00:00:00.000 --> 00:00:00.001" in chapters_track([Chapter(0, 0, "x")])
    assert "00:00:00.000 --> 00:00:01.000" in chapters_track([Chapter(-500, 1000, "x")])
