/**
 * The extension's half of one Model webview: which one or two configurations it shows, and what they are. The panel speaks first
 * (`ready`); each answer holds everything needed to draw, so a webview that was hidden or reloaded is whole again.
 */
import type { ServingAnswer, ServingQuestion } from '../../../protocol/language/serving';
import { type FromModelPanel, fromModelPanel } from '../../../protocol/panels/model-schema';
import type { ModelActions, ModelContent, ShowModel, ShownModel, ToModelPanel } from '../../../protocol/panels/model';
import { unreachable } from '../../../protocol/unreachable';
import { Owner } from '../../platform/owner';
import { Mailbox } from '../mailbox';
import { understood } from '../messages';

type ModelExport = Extract<FromModelPanel, { readonly kind: 'export' }>;

/** Everything a Model webview needs of the rest of the extension. Configurations are named by their URI. */
export interface ModelServices {
  readonly headscope: string;
  /** Null when the file is not a model configuration. */
  describe(uri: string): Promise<ShownModel | null>;
  /** What a configuration is called before it was read. */
  nameOf(uri: string): string;
  actions(): Promise<ModelActions>;
  openFile(uri: string): Promise<void>;
  showProblems(uri: string): Promise<void>;
  benchmark(uri: string): Promise<void>;
  showHeads(uri: string): Promise<void>;
  openFull(uris: readonly string[]): Promise<void>;
  /** Lets the person choose what is missing of two models and opens them beside each other. */
  compare(uri: string | undefined): Promise<void>;
  /** Undefined when the person cancels. */
  choose(): Promise<string | undefined>;
  openExample(): Promise<void>;
  /** Null when the file is not a model configuration any more. */
  serving(uri: string, question: ServingQuestion): Promise<ServingAnswer | null>;
  export(request: ModelExport): Promise<void>;
  copy(text: string): Promise<void>;
  report(sentence: string, details?: string): void;
}

/** A model that is there sooner than this replaces the one before it at once; only a slow one is announced. */
const patience = 200;

/** The answer where the file is no configuration, or is none any more. */
const notCounted = 'Serving is counted from the config.json of a model, and this file is none. Open the config.json.';

export class ModelHost extends Owner {
  private readonly services: ModelServices;
  private readonly mail: Mailbox<ToModelPanel>;
  private current: readonly string[] = [];
  private content: ModelContent = { state: 'empty' };
  /** Counts questions, so that a slow answer to an earlier one is dropped. */
  private asked = 0;
  private tried = 0;

  constructor(services: ModelServices, send: (message: ToModelPanel) => void) {
    super();
    this.services = services;
    this.mail = new Mailbox(send);
  }

  /** The configurations on show or on their way. */
  get uris(): readonly string[] {
    return this.current;
  }

  /** Shows one model, or two beside each other. */
  async show(uris: readonly string[]): Promise<void> {
    const [first, second] = uris;
    if (first === undefined) return;
    const asked = (this.asked += 1);
    const same = uris.length === this.current.length && uris.every((uri, at) => this.current[at] === uri);
    this.current = uris;
    const loading: ModelContent = {
      state: 'loading',
      name: uris.map((uri) => this.services.nameOf(uri)).join(' and '),
    };
    const announce = (): void => void this.put(loading, asked);
    if (!this.showsModel()) announce();
    const timer = setTimeout(() => !same && announce(), patience);
    try {
      await this.put(await this.describe(first, second), asked);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Shows a file if it is a model; any other leaves what is shown or on its way. */
  async showIfModel(uri: string): Promise<void> {
    const asked = this.asked;
    const tried = (this.tried += 1);
    const content = await this.describe(uri, undefined);
    if (content.state !== 'model' || asked !== this.asked || tried !== this.tried) return;
    this.current = [uri];
    await this.put(content, (this.asked += 1));
  }

  /** Something of the files, the findings or the trust has changed. */
  async refresh(): Promise<void> {
    if (this.current.length > 0) await this.show(this.current);
    else await this.put(this.content, this.asked);
  }

  /** VS Code has taken the webview's page away; it says `ready` when it is shown again. */
  hide(): void {
    this.mail.hide();
  }

  async receive(message: unknown): Promise<void> {
    try {
      await this.answer(understood(fromModelPanel, message));
    } catch (error) {
      if (this.disposed) return;
      this.services.report(
        error instanceof Error ? error.message : String(error),
        error instanceof Error ? error.stack : undefined,
      );
    }
  }

  private showsModel(): boolean {
    return this.content.state === 'model' || this.content.state === 'comparison';
  }

  private async describe(first: string, second: string | undefined): Promise<ModelContent> {
    const name = this.services.nameOf(first);
    try {
      const [one, other] = await Promise.all([
        this.services.describe(first),
        second === undefined ? undefined : this.services.describe(second),
      ]);
      if (one === null || other === null) {
        const which = one === null ? first : (second ?? first);
        return {
          state: 'not-a-model',
          name: this.services.nameOf(which),
          sentence: `${this.services.nameOf(which)} is not a model configuration: it names no layers and no heads. Open the config.json of a model.`,
        };
      }
      return other === undefined ? { state: 'model', model: one } : { state: 'comparison', first: one, second: other };
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      return {
        state: 'failed',
        name,
        sentence,
        ...(error instanceof Error && error.stack !== undefined ? { details: error.stack } : {}),
      };
    }
  }

  private async put(content: ModelContent, asked: number): Promise<void> {
    if (asked !== this.asked || this.disposed) return;
    this.content = content;
    if (!this.mail.isOpen) return;
    const message = await this.message();
    if (asked === this.asked && this.content === content) this.mail.post(message);
  }

  private async serving(uri: string, question: ServingQuestion): Promise<void> {
    if (!this.current.includes(uri)) return;
    const answer = (await this.services.serving(uri, question)) ?? { devices: [], cost: notCounted };
    if (!this.disposed && this.mail.isOpen) this.mail.post({ kind: 'serving', uri, question, answer });
  }

  private async message(): Promise<ShowModel> {
    const actions = await this.services.actions();
    return { kind: 'show', content: this.content, actions, headscope: this.services.headscope };
  }

  private async answer(message: FromModelPanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        this.mail.open([await this.message()]);
        return;
      case 'openFile':
        return this.services.openFile(message.uri);
      case 'showProblems':
        return this.services.showProblems(message.uri);
      case 'benchmark':
        return this.services.benchmark(message.uri);
      case 'showHeads':
        return this.services.showHeads(message.uri);
      case 'openFull':
        return this.services.openFull([message.uri]);
      case 'compare':
        return this.services.compare(message.uri);
      case 'swap':
        return this.show([...this.current].reverse());
      case 'choose': {
        const uri = await this.services.choose();
        return uri === undefined ? undefined : this.show([uri]);
      }
      case 'openExample':
        return this.services.openExample();
      case 'retry':
        return this.refresh();
      case 'serving':
        return this.serving(message.uri, message.question);
      case 'export':
        return this.services.export(message);
      case 'copy':
        return this.services.copy(message.text);
      default:
        return unreachable(message);
    }
  }
}
