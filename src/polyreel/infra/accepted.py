"""What foreign bytes may be: formats, codecs and sizes that ffmpeg and libav are allowed to read.

Imports nothing: the probe's child process reads it, too.
"""

__all__ = ["CODECS", "FORMATS", "GUARDS", "MAX_PIXELS", "MAX_STREAMS"]

# Containers that hold media and nothing else, by demuxer name. Never here: what names other files or
# hosts (hls, dash, concat, sdp, rtsp, imf), what is a program or a picture (lavfi, ffmetadata, image2,
# the *_pipe family), text (subtitle formats, tty), raw samples without a header.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,rm,dv,mxf,gxf,nut,"
    "wtv,nsv,ivf,obu,m4v,h264,hevc,"
    "wav,w64,aiff,caf,mp3,aac,flac,ac3,eac3,dts,dtshd,truehd,amr,ape,tta,wv,mpc,mpc8,tak"
)

# Decoders by their own names, which are not always the codec's: AV1 is libdav1d, DTS is dca, MS-MPEG4
# version 3 is msmpeg4. Hardware decoders are left out: they hand foreign bytes to a driver.
_PICTURE = (
    "h264,hevc,vvc,libdav1d,libaom-av1,av1,vp8,vp9,libvpx,libvpx-vp9,"
    "mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,"
    "h261,h263,h263i,h263p,flv,vp3,theora,vp5,vp6,vp6a,vp6f,vp7,"
    "prores,prores_raw,dnxhd,cfhd,ffv1,huffyuv,ffvhuff,utvideo,magicyuv,lagarith,hap,jpeg2000,"
    "dvvideo,rawvideo,v210,r210,mjpeg,mjpegb,"
    "rv10,rv20,rv30,rv40,svq1,svq3,cinepak,indeo2,indeo3,indeo4,indeo5,qtrle,rpza,msvideo1,msrle,"
    "camtasia,tscc2,zmbv,fraps,flashsv,flashsv2,g2m,dirac,cavs"
)
# Only ever attached pictures: cover art.
_COVER = "png,bmp,webp"
_SOUND = (
    "aac,aac_fixed,aac_latm,mp3float,mp3,mp3adufloat,mp3adu,mp2float,mp2,mp1float,mp1,ac3,ac3_fixed,"
    "eac3,dca,truehd,mlp,libopus,opus,libvorbis,vorbis,flac,alac,als,speex,"
    "wmav1,wmav2,wmapro,wmalossless,wmavoice,cook,sipr,ralf,real_144,real_288,atrac3,atrac3plus,"
    "amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,qcelp,gsm,gsm_ms,ilbc,nellymoser,qdm2,qdmc,"
    "mace3,mace6,ape,tta,tak,wavpack,mpc7,mpc8,s302m,dvaudio,"
    "adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,g722,g726,g726le,truespeech,imc,"
    "pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_s8,pcm_u8,"
    "pcm_s16be,pcm_s16le,pcm_s16be_planar,pcm_s16le_planar,pcm_s24be,pcm_s24le,pcm_s24le_planar,"
    "pcm_s32be,pcm_s32le,pcm_s32le_planar,pcm_s64be,pcm_s64le,pcm_u16be,pcm_u16le,pcm_u24be,"
    "pcm_u24le,pcm_u32be,pcm_u32le"
)
_SUBTITLES = (
    "ass,ssa,subrip,srt,text,webvtt,mov_text,dvbsub,dvdsub,pgssub,xsub,cc_dec,libzvbi_teletextdec"
)
CODECS = ",".join((_PICTURE, _COVER, _SOUND, _SUBTITLES))

MAX_STREAMS = 64
# 8K in any shape, and square VR; a frame of that is 100 MB, and a decoder holds twenty.
MAX_PIXELS = 8192 * 8192

# For every input that comes from outside; ffmpeg and libav get the same.
GUARDS: dict[str, str] = {
    "protocol_whitelist": "file",
    "format_whitelist": FORMATS,
    "codec_whitelist": CODECS,
    "max_streams": str(MAX_STREAMS),
    "max_pixels": str(MAX_PIXELS),
    "probesize": "20M",
    "analyzeduration": "10M",
}
