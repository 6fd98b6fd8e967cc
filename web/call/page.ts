// What the server says about the page: one JSON attribute on the mounting point, checked before it is believed.

export interface Page {
  code: string;
  title: string;
  /** The address to hand to others. */
  link: string;
  signed_in: boolean;
  /** The name of the account, as shown in calls; empty for guests. */
  name: string;
  /** The room is this person's. */
  owner: boolean;
  /** Where "Home" leads: a path of this server. */
  home: string;
}

export function readPage(json: string | undefined): Page {
  const page: unknown = JSON.parse(json ?? "null");
  if (!isRecord(page)) throw new TypeError("data-page is not an object");
  const text = (key: string) => (typeof page[key] === "string" ? page[key] : "");
  return {
    code: text("code"),
    title: text("title"),
    link: text("link"),
    signed_in: page.signed_in === true,
    name: text("name"),
    owner: page.owner === true,
    home: /^\/(?![/\\])/.test(text("home")) ? text("home") : "/",
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
