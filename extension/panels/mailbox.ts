/** What is posted to a webview before it said `ready` waits; a webview that was moved or reloaded says it again. Pure. */
export class Mailbox<Message> {
  readonly #send: (message: Message) => void;
  #waiting: Message[] = [];
  #ready = false;

  constructor(send: (message: Message) => void) {
    this.#send = send;
  }

  post(message: Message): void {
    if (this.#ready) this.#send(message);
    else this.#waiting.push(message);
  }

  /** The first message is sent before all that waited. */
  open(first: readonly Message[] = []): void {
    this.#ready = true;
    for (const message of [...first, ...this.#waiting.splice(0)]) this.#send(message);
  }

  /** The webview is about to be made anew: what waited for the old one is void, the reply to `ready` holds everything. */
  close(): void {
    this.#ready = false;
    this.#waiting = [];
  }
}
