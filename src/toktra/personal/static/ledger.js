/* My personal ledger: opens with the owner's key, in this page alone. Nothing is kept when it closes. */
import { clock, count } from "./figures.js";
import { KeyNotUsable, openerOf, readKey, writeKey } from "./key.js";
import { Mailbox, NotAnswered, openAll } from "./mailbox.js";
import { canUsePasskeys, copyFor, openedBy } from "./passkey.js";
import { asCsv, asJson, save } from "./saving.js";
import { showDays, showProviders, showRows, showTotals } from "./showing.js";
import { _ } from "./words.js";
import { Workers } from "./workers.js";

const OPEN_FOR_MS = 10 * 60_000;
const LONGEST_FILE = 64 << 10;
const $ = (id) => document.getElementById(id);

let workers = new Workers(); // at once: they load while the key is being looked for
let opened = null; // { key, mailbox, uses, page, closes, newIdentity }
let allowance = Number(new URLSearchParams(location.hash.slice(1)).get("allowance")) || 0;

function say(words, isFault = false) {
  $("said").hidden = !words || isFault;
  $("fault").hidden = !words || !isFault;
  $(isFault ? "fault-words" : "said-words").textContent = words;
}

function inWords(error) {
  if (error instanceof KeyNotUsable || error instanceof NotAnswered) return error.message;
  return _("This did not work, and nothing was changed. Load the page again and try once more.");
}

const doing = (act) => async (event) => {
  event.preventDefault();
  say("");
  try {
    await act(event);
  } catch (error) {
    say(inWords(error), true);
  }
};

async function typedKey() {
  const file = $("key-file").files[0];
  if (!file) return readKey($("key-text").value);
  if (file.size > LONGEST_FILE) throw new KeyNotUsable(_("This file is too large to be a key. Choose the one you saved your key to."));
  const bytes = new Uint8Array(await file.arrayBuffer());
  const opener = openerOf(bytes);
  if (!opener) return readKey(new TextDecoder().decode(bytes));
  if (opener === "passkey") return readKey(await openedBy(bytes));
  $("passphrase-field").hidden = false;
  const passphrase = $("passphrase").value;
  if (!passphrase) {
    $("passphrase").focus();
    throw new KeyNotUsable(_("This copy asks for its passphrase. Type it and open again."));
  }
  try {
    return readKey(await workers.ask("openCopy", { bytes, passphrase }));
  } catch (error) {
    if (error instanceof KeyNotUsable) throw error;
    throw new KeyNotUsable(_("The copy does not open: the passphrase is another one, or the file is damaged. A forgotten passphrase cannot be replaced, by us or by anyone."));
  }
}

async function open() {
  const key = await typedKey();
  $("progress").hidden = false;
  try {
    await workers.askAll("use", { identity: key.identity });
    const mailbox = new Mailbox(key.mailbox);
    const found = await openAll(mailbox, workers, (number) => { $("progress-words").textContent = _("{number} opened", { number: count(number) }); });
    if (found.opened && found.unopened === found.opened) {
      throw new KeyNotUsable(_("None of the records opens with this key. If you changed your key, use the new one."));
    }
    opened = { key, mailbox, uses: found.uses, page: 0 };
    show(found);
  } catch (error) {
    workers.close(); // and with them what they know of the key
    workers = new Workers();
    throw error;
  } finally {
    $("progress").hidden = true;
  }
}

function show({ unopened }) {
  $("key-form").reset();
  $("passphrase-field").hidden = true;
  $("locked").hidden = true;
  $("open").hidden = false;
  $("state-words").textContent = _("Personal, open in this browser");
  const closes = new Date(Date.now() + OPEN_FOR_MS);
  $("until").textContent = _("Open until {time}", { time: clock(closes) });
  opened.closes = setTimeout(close, OPEN_FOR_MS);
  $("unopened").hidden = !unopened;
  $("unopened-words").textContent = _("Sealed hours that do not open with this key: {number}. They are damaged, or sealed for another key, and lapse with their 90 days.", { number: count(unopened) });
  $("allowance").value = allowance || "";
  draw();
  $("until").focus();
}

function draw() {
  const now = new Date();
  showTotals(opened.uses, allowance, now);
  showDays(opened.uses, now);
  showProviders(opened.uses);
  showRows(opened.uses, opened.page);
}

/** Loading anew is the one way after which nothing is left in the page's memory. */
function close() {
  clearTimeout(opened?.closes);
  workers.close();
  opened = null;
  location.reload();
}

async function deleteAll() {
  await opened.mailbox.delete();
  clearTimeout(opened.closes);
  workers.close();
  opened = null;
  $("open").hidden = true;
  $("state-words").textContent = _("Deleted");
  say(_("Every record of yours was deleted. To take part no more, run: toktra perks leave"));
}

async function savePasskeyCopy() {
  save("token-perks-key-passkey.age", "application/octet-stream", await copyFor(writeKey(opened.key)));
  $("passkey-words").textContent = _("Saved. It opens here with your passkey; try it before you rely on it.");
}

async function makeNewKey() {
  opened.newIdentity ??= await workers.ask("newIdentity");
  save("token-perks-new.key", "text/plain", writeKey({ ...opened.key, identity: opened.newIdentity }));
  $("rotate").hidden = false;
}

async function rotate() {
  if (!$("kept").checked) throw new KeyNotUsable(_("Say that you have kept the new key. Without it nobody can read your records."));
  const { key, mailbox, newIdentity } = opened;
  let done = 0;
  for await (const records of mailbox.pages()) {
    const resealed = await workers.ask("reseal", { records, identity: newIdentity });
    await mailbox.replace(resealed);
    done += resealed.length;
    $("rotate-words").textContent = _("{number} sealed anew", { number: count(done) });
  }
  opened.key = { ...key, identity: newIdentity };
  opened.newIdentity = undefined;
  await workers.askAll("use", { identity: newIdentity });
  $("rotate").hidden = true;
  $("kept").checked = false;
  say(_("Everything is sealed for your new key. On each device run: toktra perks key change OLD-KEY NEW-KEY"));
}

$("key-form").addEventListener("submit", doing(open));
$("close").addEventListener("click", close);
$("allowance").addEventListener("input", () => { allowance = Math.max(0, Number($("allowance").value)) || 0; draw(); });
$("newer").addEventListener("click", () => { showRows(opened.uses, opened.page -= 1); });
$("older").addEventListener("click", () => { showRows(opened.uses, opened.page += 1); });
$("save-csv").addEventListener("click", () => save("my-personal-ledger.csv", "text/csv", asCsv(opened.uses)));
$("save-json").addEventListener("click", () => save("my-personal-ledger.json", "application/json", asJson(opened.uses)));
$("save-age").addEventListener("click", doing(async () => {
  const sealed = await workers.ask("seal", { text: asJson(opened.uses), identity: opened.key.identity });
  save("my-personal-ledger.json.age", "application/octet-stream", sealed);
}));
$("ask-delete").addEventListener("click", () => $("delete-dialog").showModal());
$("keep").addEventListener("click", () => $("delete-dialog").close());
$("delete").addEventListener("click", doing(async () => { $("delete-dialog").close(); await deleteAll(); }));
$("new-key").addEventListener("click", doing(makeNewKey));
$("rotate").addEventListener("submit", doing(rotate));
for (const link of document.querySelectorAll("a[hreflang]")) link.hash = location.hash; // what the link said of the allowance
$("save-passkey").addEventListener("click", doing(savePasskeyCopy));
$("save-passkey").disabled = !canUsePasskeys();
$("no-passkey").hidden = canUsePasskeys();
$("locked").hidden = false;
