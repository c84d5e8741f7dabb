"""Writes the Xcode project that wraps the extension in the app Safari demands: packaging/safari.

    build_safari_project.py            write it
    build_safari_project.py --check    exit with 1 when a file is not what it should be

The project has two targets: the app, which only holds the extension, and the extension itself, whose resources are the
files of extension/ where they lie. The project file is an XML property list, which Xcode reads as well as its own form.
"""

from __future__ import annotations

import argparse
import hashlib
import plistlib
import sys
from pathlib import Path
from typing import Any

import toktra

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "packaging" / "safari"
EXTENSION = ROOT / "extension"
APP_ID = "com.toktra.safari"
VERSION = toktra.__version__.partition(".dev")[0].partition("a")[0]
TYPES = {".js": "sourcecode.javascript", ".json": "text.json", ".html": "text.html", ".css": "text.css"}
NOT_SHIPPED = {"uses.toml"}
SETTINGS: dict[str, str] = {
    "CODE_SIGN_STYLE": "Automatic",
    "CURRENT_PROJECT_VERSION": "1",
    "ENABLE_HARDENED_RUNTIME": "YES",
    "GENERATE_INFOPLIST_FILE": "NO",
    "MACOSX_DEPLOYMENT_TARGET": "13.0",
    "MARKETING_VERSION": VERSION,
    "SDKROOT": "macosx",
    "SWIFT_VERSION": "5.0",
}

APP_SOURCE = """\
import AppKit
import SafariServices

// Safari takes an extension only inside an app. This one shows where to switch it on, and ends.
@main
enum ToktraApp {
    static func main() {
        let app = NSApplication.shared
        SFSafariApplication.showPreferencesForExtension(withIdentifier: "EXTENSION_ID") { _ in
            DispatchQueue.main.async { app.terminate(nil) }
        }
        app.run()
    }
}
"""
HANDLER_SOURCE = """\
import SafariServices

// What the extension says by native messaging arrives here, and nothing of it is read or kept: there is no agent for
// macOS yet. The answer is the one the extension knows for that, so its uses wait in the browser's own store.
final class SafariWebExtensionHandler: NSObject, NSExtensionRequestHandling {
    func beginRequest(with context: NSExtensionContext) {
        let answer = NSExtensionItem()
        answer.userInfo = [SFExtensionMessageKey: ["kind": "absent", "because": "no agent", "isInstalled": false]]
        context.completeRequest(returningItems: [answer], completionHandler: nil)
    }
}
"""


def resources() -> list[Path]:
    """What lies directly in extension/ and ships: files, and whole folders."""
    return sorted(path for path in EXTENSION.iterdir() if path.name not in NOT_SHIPPED)


def files() -> dict[Path, bytes]:
    """What is written, and where."""
    sandboxed = {"com.apple.security.app-sandbox": True}
    return {
        PLACE / "Toktra.xcodeproj" / "project.pbxproj": plistlib.dumps(project()),
        PLACE / "App" / "ToktraApp.swift": APP_SOURCE.replace("EXTENSION_ID", f"{APP_ID}.extension").encode(),
        PLACE / "App" / "Info.plist": plistlib.dumps(
            {**_bundle("APPL"), "NSPrincipalClass": "NSApplication", "LSMinimumSystemVersion": "13.0"}
        ),
        PLACE / "App" / "App.entitlements": plistlib.dumps(sandboxed),
        PLACE / "Extension" / "SafariWebExtensionHandler.swift": HANDLER_SOURCE.encode(),
        PLACE / "Extension" / "Info.plist": plistlib.dumps(
            {
                **_bundle("XPC!"),
                "NSExtension": {
                    "NSExtensionPointIdentifier": "com.apple.Safari.web-extension",
                    "NSExtensionPrincipalClass": "$(PRODUCT_MODULE_NAME).SafariWebExtensionHandler",
                },
            }
        ),
        PLACE / "Extension" / "Extension.entitlements": plistlib.dumps(sandboxed),
    }


def _bundle(kind: str) -> dict[str, Any]:
    return {
        "CFBundleDevelopmentRegion": "en",
        "CFBundleDisplayName": "Toktra",
        "CFBundleExecutable": "$(EXECUTABLE_NAME)",
        "CFBundleIdentifier": "$(PRODUCT_BUNDLE_IDENTIFIER)",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": "$(PRODUCT_NAME)",
        "CFBundlePackageType": kind,
        "CFBundleShortVersionString": "$(MARKETING_VERSION)",
        "CFBundleVersion": "$(CURRENT_PROJECT_VERSION)",
    }


class _Objects:
    """The objects of a project file, each under an id made from its name: the same in every build."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Any]] = {}

    def add(self, name: str, isa: str, /, **fields: Any) -> str:
        key = hashlib.sha256(name.encode()).hexdigest()[:24].upper()
        self.all[key] = {"isa": isa, **fields}
        return key

    def file(self, path: str, kind: str, tree: str = "SOURCE_ROOT") -> str:
        return self.add(
            f"file {path}",
            "PBXFileReference",
            lastKnownFileType=kind,
            name=path.rpartition("/")[2],
            path=path,
            sourceTree=tree,
        )

    def built(self, file: str, **settings: Any) -> str:
        return self.add(f"built {file}", "PBXBuildFile", fileRef=file, **settings)

    def phase(self, name: str, isa: str, built: list[str], /, **fields: Any) -> str:
        return self.add(name, isa, buildActionMask="2147483647", files=built, **fields)

    def configurations(self, name: str, **settings: str) -> str:
        each = [
            self.add(f"{name} {kind}", "XCBuildConfiguration", name=kind, buildSettings=settings)
            for kind in ("Debug", "Release")
        ]
        return self.add(name, "XCConfigurationList", buildConfigurations=each, defaultConfigurationName="Release")


def project() -> dict[str, Any]:
    """The content of project.pbxproj."""
    objects = _Objects()
    handler = objects.file("Extension/SafariWebExtensionHandler.swift", "sourcecode.swift")
    shown = [
        objects.file(f"../../extension/{path.name}", "folder" if path.is_dir() else TYPES[path.suffix])
        for path in resources()
    ]
    appex = objects.add(
        "appex", "PBXFileReference", explicitFileType="wrapper.app-extension", includeInIndex="0",
        path="Toktra Extension.appex", sourceTree="BUILT_PRODUCTS_DIR",
    )  # fmt: skip
    extension = objects.add(
        "extension target",
        "PBXNativeTarget",
        name="Toktra Extension",
        productName="Toktra Extension",
        productType="com.apple.product-type.app-extension",
        productReference=appex,
        buildConfigurationList=objects.configurations(
            "extension settings",
            CODE_SIGN_ENTITLEMENTS="Extension/Extension.entitlements",
            INFOPLIST_FILE="Extension/Info.plist",
            PRODUCT_BUNDLE_IDENTIFIER=f"{APP_ID}.extension",
            PRODUCT_NAME="$(TARGET_NAME)",
        ),
        buildPhases=[
            objects.phase("extension sources", "PBXSourcesBuildPhase", [objects.built(handler)]),
            objects.phase("extension resources", "PBXResourcesBuildPhase", [objects.built(one) for one in shown]),
        ],
        buildRules=[],
        dependencies=[],
    )
    source = objects.file("App/ToktraApp.swift", "sourcecode.swift")
    product = objects.add(
        "app", "PBXFileReference", explicitFileType="wrapper.application", includeInIndex="0",
        path="Toktra.app", sourceTree="BUILT_PRODUCTS_DIR",
    )  # fmt: skip
    project_id = hashlib.sha256(b"project").hexdigest()[:24].upper()
    proxy = objects.add(
        "proxy", "PBXContainerItemProxy", containerPortal=project_id, proxyType="1",
        remoteGlobalIDString=extension, remoteInfo="Toktra Extension",
    )  # fmt: skip
    embedded = objects.built(appex, settings={"ATTRIBUTES": ["RemoveHeadersOnCopy"]})
    app = objects.add(
        "app target",
        "PBXNativeTarget",
        name="Toktra",
        productName="Toktra",
        productType="com.apple.product-type.application",
        productReference=product,
        buildConfigurationList=objects.configurations(
            "app settings",
            CODE_SIGN_ENTITLEMENTS="App/App.entitlements",
            INFOPLIST_FILE="App/Info.plist",
            PRODUCT_BUNDLE_IDENTIFIER=APP_ID,
            PRODUCT_NAME="$(TARGET_NAME)",
        ),
        buildPhases=[
            objects.phase("app sources", "PBXSourcesBuildPhase", [objects.built(source)]),
            objects.phase("embed", "PBXCopyFilesBuildPhase", [embedded], dstPath="", dstSubfolderSpec="13"),
        ],
        buildRules=[],
        dependencies=[objects.add("dependency", "PBXTargetDependency", target=extension, targetProxy=proxy)],
    )
    products = objects.add("products", "PBXGroup", name="Products", sourceTree="<group>", children=[product, appex])
    group = objects.add("group", "PBXGroup", sourceTree="<group>", children=[source, handler, *shown, products])
    root = objects.add(
        "project",
        "PBXProject",
        attributes={"LastUpgradeCheck": "1500"},
        buildConfigurationList=objects.configurations("project settings", **SETTINGS),
        compatibilityVersion="Xcode 14.0",
        developmentRegion="en",
        hasScannedForEncodings="0",
        knownRegions=["en", "de", "Base"],
        mainGroup=group,
        productRefGroup=products,
        projectDirPath="",
        projectRoot="",
        targets=[app, extension],
    )
    return {"archiveVersion": "1", "classes": {}, "objectVersion": "56", "objects": objects.all, "rootObject": root}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is not up to date")
    check = parser.parse_args().check
    stale = [path for path, content in files().items() if not path.exists() or path.read_bytes() != content]
    for path in stale:
        if check:
            print(f"{path.name} is not up to date: run scripts/build_safari_project.py", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
