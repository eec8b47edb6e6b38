/** Heads: the heads of the columns by which the list of users can be sorted. */

const YEAR_SECONDS = 365 * 86_400;
const REVERSE = { ascending: "descending", descending: "ascending" };

/** Say by which column the list is sorted, and what another click does. */
export function showSortInHeads(section, sort) {
  for (const head of section.querySelectorAll("[data-head]")) {
    const { head: key, natural } = head.dataset;
    if (sort === key) head.ariaSort = natural;
    else if (sort === `-${key}`) head.ariaSort = REVERSE[natural];
    else head.removeAttribute("aria-sort");
    head.querySelector("button").value = sort === key ? `-${key}` : key;
  }
}

/** In this browser, as handlers/admin/list_choices.py does without this script. */
export function rememberSort(list, sort) {
  document.cookie = `rollcall_sort_${list}=${sort}; Path=/admin; SameSite=Lax; Max-Age=${YEAR_SECONDS}`;
}
