import AppKit
import SafariServices

// Safari takes an extension only inside an app. This one shows where to switch it on, and ends.
@main
enum ToktraApp {
    static func main() {
        let app = NSApplication.shared
        SFSafariApplication.showPreferencesForExtension(withIdentifier: "com.toktra.safari.extension") { _ in
            DispatchQueue.main.async { app.terminate(nil) }
        }
        app.run()
    }
}
