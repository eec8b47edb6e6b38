// Screen link: takes the secret of a screen's link out of the address at once, and sends it in a form.

const SECRET = /^#[\w-]{43}$/;

const form = document.querySelector("[data-screen-link]");

function openLink() {
  const secret = location.hash;
  if (!SECRET.test(secret)) return;
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = secret;
  form.submit();
}

addEventListener("hashchange", openLink);
openLink();
