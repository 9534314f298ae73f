/**
 * What is posted to a webview that has not said `ready` yet waits. A hidden webview is destroyed by VS Code and made anew when
 * it is shown: what is posted in between is dropped, because the reply to its next `ready` holds everything.
 */
export class Mailbox<Message> {
  private readonly send: (message: Message) => void;
  private waiting: Message[] = [];
  private state: 'new' | 'open' | 'hidden' = 'new';

  constructor(send: (message: Message) => void) {
    this.send = send;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  post(message: Message): void {
    if (this.state === 'open') this.send(message);
    else if (this.state === 'new') this.waiting.push(message);
  }

  /** Sends these first, then all that waited. */
  open(first: readonly Message[] = []): void {
    this.state = 'open';
    for (const message of [...first, ...this.waiting.splice(0)]) this.send(message);
  }

  /** A webview that begins: what waited for the one before is void. */
  renew(): void {
    this.state = 'new';
    this.waiting = [];
  }

  hide(): void {
    this.state = 'hidden';
    this.waiting = [];
  }
}
