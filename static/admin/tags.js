/** Tags: how many users have each. No DOM. */

/** How many of these users have each tag, in alphabetical order. */
export function countTags(users) {
  const counts = new Map();
  for (const { tags } of users) for (const tag of tags ?? []) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return new Map([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}
