/** Page settings: the server's numbers that a live page works with, from its data attributes. No DOM. */

const NAMES = ["eventsShown", "targetsLimit", "tagsLimit", "staleMs", "gapMs", "historyMs"];

/** What each one means is in handlers/admin/page_settings.py. Throws when one is missing. */
export function pageSettings({ dataset }) {
  const settings = {};
  for (const name of NAMES) {
    settings[name] = Number(dataset[name]);
    if (!(settings[name] > 0)) throw new Error(`The page has no ${name}`);
  }
  return settings;
}
