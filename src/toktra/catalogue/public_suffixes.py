"""Names under which strangers register their own: no rule of the catalogue may cover all that is below one.

The full Public Suffix List has fifteen thousand lines and is not worth its weight on a device. This is the part that a
hurried administrator could write by mistake: country registries and the clouds on which gateways are hosted.
"""

from __future__ import annotations

from typing import Final

_REGISTRY_LABELS: Final = "ac asn co com edu firm gen go gob gouv gov gv id info ltd me mil ne net nom or org plc sch"
"""Second labels with which country registries sell names: co.uk, com.au, or.jp, gov.in …"""

_SHARED: Final = """
    amazonaws.com amazonaws.com.cn api.aws aws.dev awsapps.com elb.amazonaws.com elasticbeanstalk.com cloudfront.net
    azure.com ai.azure.com azure-api.net azurecontainer.io azurecontainerapps.io azureedge.net azurefd.net
    azurewebsites.net cloudapp.azure.com windows.net core.windows.net blob.core.windows.net trafficmanager.net
    google.com googleapis.com rep.googleapis.com run.app a.run.app appspot.com cloudfunctions.net web.app
    firebaseapp.com googleusercontent.com withgoogle.com microsoft.com cloud.microsoft office.com office365.com
    sharepoint.com live.com bing.com github.com github.io githubusercontent.com ghe.com gitlab.com gitlab.io
    cloudflare.com pages.dev workers.dev cloudflare-ech.com r2.dev trycloudflare.com cloudflareaccess.com
    vercel.app now.sh netlify.app herokuapp.com herokudns.com fly.dev fly.io onrender.com railway.app up.railway.app
    ngrok.io ngrok.app ngrok-free.app ngrok.dev loca.lt ts.net duckdns.org dyndns.org no-ip.org
    digitaloceanspaces.com ondigitalocean.app do-ai.run linode.com linodeusercontent.com vultrusercontent.com
    ovh.net cloud.ovh.net scw.cloud ionos.space hetzner.cloud your-server.de
    databricks.com cloud.databricks.com gcp.databricks.com azuredatabricks.net snowflakecomputing.com modal.run
    modal.direct proxy.runpod.net hf.space huggingface.co huggingface.cloud replit.app repl.co glitch.me
    aliyuncs.com aliyun.com myqcloud.com tencentcloudapi.com tencent.com volces.com baidubce.com baidu.com
    oraclecloud.com ibm.com appdomain.cloud sap.com salesforce.com force.com apple.com icloud.com
    akamaihd.net akamaized.net edgekey.net edgesuite.net fastly.net b-cdn.net
"""
"""Clouds, hosters and portals on which many organisations have names."""

_WHOLLY_SHARED: Final = (".amazonaws.com", ".amazonaws.com.cn", ".googleapis.com", ".core.windows.net", ".aliyuncs.com")
"""Below these even a second level is a region or a service that everyone shares."""

_registry_labels = frozenset(_REGISTRY_LABELS.split())
_shared = frozenset(_SHARED.split())


def is_public_suffix(name: str) -> bool:
    """Whether a rule for everything below `name` would take in hosts of people who have nothing to do with each other.

    `name` is lower case, without a trailing dot. A single label always is one.
    """
    labels = name.split(".")
    if len(labels) < 2:
        return True
    if name in _shared or name.endswith(_WHOLLY_SHARED):
        return True
    return len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _registry_labels
