// Tells whether the live server of this kernel is what listens on a port.
//
// When the server is gone, another user of the machine may take its port. So nothing is loaded from
// there, and nothing is told to it, before it has shown that it knows the key of the cell: it sends
// back the HMAC of a text that was made up this very moment. The text and the answer are of no use
// on another port. No cookie goes along.

// Milliseconds that a server may take to answer, on a machine that has much to do.
const BROWSER_CELL_PATIENCE = 20_000;

/** Throws where nobody answers. */
const provesBrowserCell = async (address, port, key) => {
  const nonce = crypto.randomUUID();
  const answer = await fetch(`${address}/proof?${nonce}`, {
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(BROWSER_CELL_PATIENCE),
  });
  const encode = (text) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const secret = await crypto.subtle.importKey("raw", encode(key), algorithm, false, ["verify"]);
  const proof = await answer.arrayBuffer();
  return crypto.subtle.verify("HMAC", secret, proof, encode(`${port} ${nonce}`));
};
