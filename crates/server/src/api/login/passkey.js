// Passkeys: fills and sends the forms that have `data-passkey`. They are hidden until this
// runs, where the browser has passkeys and the page has the address that they belong to.
"use strict";
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (it) => it.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (it) => String.fromCharCode(it)).join(""))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const utf8 = (it) => new TextEncoder().encode(it);
  const known = (it) =>
    it.credentials.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

  const create = async (it) => {
    const made = await navigator.credentials.create({ publicKey: {
      rp: { id: it.rp, name: "Sluicegate" },
      user: { id: utf8(it.user), name: it.account, displayName: it.person },
      challenge: utf8(it.challenge),
      // EdDSA, ES256, RS256
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: known(it),
      authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
      attestation: "none",
    } });
    return { clientData: made.response.clientDataJSON, attestation: made.response.attestationObject };
  };

  const get = async (it) => {
    const found = await navigator.credentials.get({ publicKey: {
      rpId: it.rp,
      challenge: utf8(it.challenge),
      allowCredentials: known(it),
      userVerification: it.verification,
    } });
    return {
      credential: found.rawId,
      clientData: found.response.clientDataJSON,
      authenticatorData: found.response.authenticatorData,
      signature: found.response.signature,
      userHandle: found.response.userHandle ?? new ArrayBuffer(0),
    };
  };

  const send = async (form) => {
    const fault = form.querySelector("[role=alert]");
    fault.hidden = true;
    try {
      const filled = await (form.dataset.passkey === "create" ? create : get)(form.dataset);
      for (const [name, value] of Object.entries(filled)) {
        form.elements.namedItem(name).value = text(value);
      }
      form.submit();
    } catch {
      fault.hidden = false;
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential || window.location.origin !== form.dataset.origin) continue;
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
})();
