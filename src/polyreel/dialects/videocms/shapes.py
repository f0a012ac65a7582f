"""The JSON of this API in its own spelling. Key order is that of the contract's examples."""

import msgspec
from msgspec import UNSET, UnsetType

__all__ = [
    "AdminEncoding",
    "Audio",
    "Checked",
    "Config",
    "Encoding",
    "File",
    "FileTag",
    "Folder",
    "Link",
    "Login",
    "Quality",
    "Row",
    "Status",
    "Subtitle",
    "Tag",
    "Task",
]


class Row(msgspec.Struct, kw_only=True):
    """What every database row of upstream begins with; times are RFC 3339."""

    ID: int
    CreatedAt: str
    UpdatedAt: str
    DeletedAt: None = None


class Folder(Row, kw_only=True):
    """A folder; `ParentFolderID` 0 is the root."""

    Name: str
    UserID: int
    ParentFolderID: int


class Tag(Row, kw_only=True):
    """A tag of a person's."""

    Name: str


class Link(Row, kw_only=True):
    """A person's named entry; `Tags` is null where it was made just now."""

    UUID: str
    Name: str
    ParentFolderID: int
    Tags: list[Tag] | None


class Quality(msgspec.Struct, kw_only=True):
    """One height. `Progress` 0 to 100, `Size` in bytes."""

    Name: str
    Type: str
    Height: int
    Width: int
    AvgFrameRate: float
    Ready: bool
    Failed: bool
    Progress: int
    Size: int


class Subtitle(msgspec.Struct, kw_only=True):
    """One subtitle file; `Type` ass or vtt."""

    Name: str
    Type: str
    Lang: str
    Ready: bool


class Audio(msgspec.Struct, kw_only=True):
    """One sound track."""

    Name: str
    Type: str
    Lang: str
    Ready: bool


class FileTag(msgspec.Struct, kw_only=True):
    """A tag as a file shows it."""

    ID: int
    Name: str


class File(msgspec.Struct, kw_only=True):
    """A link and what is known of its bytes. `Duration` in seconds, `Thumbnail` a root path."""

    CreatedAt: str
    UpdatedAt: str
    ID: int
    UUID: str
    Name: str
    Thumbnail: str
    CustomThumbnail: bool
    ParentFolderID: int
    Size: int
    Duration: float
    Qualitys: list[Quality]
    Subtitles: list[Subtitle]
    Audios: list[Audio]
    Tags: list[FileTag]


class Config(msgspec.Struct, kw_only=True):
    """What the panel and the player must know before anyone signed in."""

    AppName: str
    BaseUrl: str
    EncodingEnabled: bool
    UploadEnabled: bool
    MaxUploadFilesize: int
    MaxUploadChunkSize: int
    MaxUploadSessions: int
    FolderVideoQualitys: str
    CaptchaEnabled: bool = False
    CaptchaLoginEnabled: bool = False
    CaptchaPlayerEnabled: bool = False
    CaptchaType: str = ""
    Captcha_Recaptcha_PublicKey: str = ""
    Captcha_Hcaptcha_PublicKey: str = ""
    Captcha_Turnstile_PublicKey: str = ""
    ContinueWatchingPopupEnabled: bool
    DownloadEnabled: bool
    RemoteDownloadEnabled: bool
    PlayerV2Enabled: bool


class Task(msgspec.Struct, kw_only=True):
    """One thing that is made of a video; `status` ready, encoding, queued or failed."""

    type: str
    name: str
    status: str
    progress: int


class Status(msgspec.Struct, kw_only=True):
    """How far a video is, for its player; progress 0 to 100."""

    uuid: str
    ready: bool = False
    state: str
    message: str
    playback_progress: int = 0
    active_task_progress: int = 0
    ready_quality_count: int = 0
    total_quality_count: int = 0
    tasks: list[Task] = []


class Encoding(msgspec.Struct, kw_only=True):
    """One track of a link that is not ready yet. `Progress` 0 to 1."""

    ID: int
    Name: str
    Quality: str
    Progress: float


class AdminEncoding(msgspec.Struct, kw_only=True):
    """The same as administrators see it."""

    id: int
    name: str
    quality: str
    progress: float
    user_id: int
    username: str


class Login(msgspec.Struct, kw_only=True):
    """A token, and when it ends."""

    exp: str
    token: str


class Checked(msgspec.Struct, kw_only=True):
    """Whose token it is, and when it ends: null where it does not. Only of keys it is said what they are."""

    username: str
    is_api_key: bool | UnsetType = UNSET
    exp: str | None
