/** Action addresses: where actions are asked for and carried out. No DOM. */

const OF_ACCOUNTS = new Set(["enable_user", "disable_user", "delete_user", "set_password"]); // for admins

export const urlOf = (action) => (OF_ACCOUNTS.has(action) ? "/admin/accounts" : "/admin/actions");

/** The page that asks for the reason of an action and then leads to `next`. `target` has the fields that name it. */
export const addressOf = (action, target, next) => `${urlOf(action)}?${new URLSearchParams({ action, ...target, next })}`;

/** The action at such an address and its targets, as form fields. Null if its page has to ask which tag first. */
export function askedBy(address) {
  const [path, query = ""] = address.split("?");
  const fields = new URLSearchParams(query);
  const action = fields.get("action");
  if (!action || path !== urlOf(action) || (action === "add_tag" && !fields.has("tag"))) return null;
  return { action, targets: [...fields].filter(([name]) => name !== "action" && name !== "next") };
}
