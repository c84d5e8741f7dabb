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
