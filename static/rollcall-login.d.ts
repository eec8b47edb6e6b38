/** Types of rollcall-login.js. */

import type { TokenRequest } from "./rollcall.js";

/** Where tokens are kept: `localStorage`, or an object around a platform's secure storage. */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

export interface LoginOptions {
  /** The server's address. In a browser, the default is the page's own. */
  url?: string;
  /** In a browser, the default is `localStorage`, which all tabs share; elsewhere the program's memory. */
  storage?: TokenStorage;
}

export class Login {
  constructor(options?: LoginOptions);
  /** Returns false if the name or the password is wrong. Rejects if the server can't be asked. */
  signIn(username: string, password: string): Promise<boolean>;
  /** Forget the tokens, and end the login on the server, which closes its sockets. */
  signOut(): Promise<void>;
  /**
   * A valid access token, renewed if necessary, or nothing if the user has to sign in. It needs no `this`, so pass it to
   * the client. Rejects if the server can't be asked.
   */
  readonly getToken: (request?: Partial<TokenRequest>) => Promise<string | null | undefined>;
}
