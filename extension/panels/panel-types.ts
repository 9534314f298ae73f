/** What the host of a panel is made of: the types of a panel, the messages that every one has, what it needs, what it starts with. */
import type { ExportFormat } from '../../protocol/panels/messages';
import type { DeviceChoices, ModelChoice, Notice } from '../../protocol/panels/run-panel';
import type { ModelSummary } from '../../protocol/schema/parts';
import type { Section } from '../../protocol/sections/section';
import type { Defined } from '../platform/defined';
import type { HistoryKind } from '../history/entry';
import type { Checked } from '../../protocol/schema/check';
import type { ComparedOf, SavedOf } from '../results/result-kinds';
import type { Failed, Flight } from './flight';
import type { PanelRun } from './panel-run';

export type PanelPlace = 'full' | 'side' | 'file';

export interface HeadAt {
  readonly layer: number;
  readonly head: number;
  /** Of the prompt in the plan beside it. */
  readonly query?: number | undefined;
}

/** The types of one panel. */
export interface PanelTypes {
  readonly result: HistoryKind;
  readonly plan: object;
  /** What a run says beside its start, its failure and its delay; each is a message to the panel too. */
  readonly event: { readonly kind: string };
  readonly from: { readonly kind: string };
  readonly to: { readonly kind: string };
}

export type Setup<T extends PanelTypes> = T['plan'];
export type Shown<T extends PanelTypes> = SavedOf<T['result']>;
export type Other<T extends PanelTypes> = ComparedOf<T['result']> & {
  /** Of both results, where the panel makes some. */
  readonly sections?: readonly Section[];
};

/** A saved result that is shown as an editor. */
export interface ShownFile<Saved> {
  readonly name: string;
  /** Not ok, with a sentence, when the text is no such result. */
  read(): Checked<Saved>;
  /** It was written by an earlier version, and is shown as a result of today that can be saved: what a person is told of it. */
  readonly earlier?: string;
  /** A sentence where what is saved of it would differ from it. */
  changeWhenSaved?(): string | undefined;
}

/** One that is a document of the editor. */
export interface DocumentFile<Saved> extends ShownFile<Saved> {
  /** URI as text. */
  readonly uri: string;
  /** Makes this its text, as one step of Undo; fails with a sentence where the file cannot be changed. */
  write(text: string): Promise<void>;
}

export interface PanelStart<T extends PanelTypes> {
  readonly file?: ShownFile<Shown<T>>;
  readonly plan?: Setup<T>;
  readonly select?: HeadAt;
  /** The last result of this workspace. */
  readonly shown?: Shown<T>;
  /** Why nothing more can be asked of it. */
  readonly onlyShown?: string;
}

export interface ExportRequest {
  readonly format: ExportFormat;
  readonly name: string;
  readonly data: string | Uint8Array;
}

/** A run of the panel. */
export type RunOf<T extends PanelTypes> = Flight<Setup<T>, T['event'], Shown<T>>;

/** What every such webview needs of the rest of the extension. */
export interface PanelServices<T extends PanelTypes> {
  readonly run: PanelRun<Setup<T>, T['event'], Shown<T>>;
  /** True, or why nothing runs here. */
  mayRun(): true | string;
  /** True when asking the compute server starts nothing. */
  serverIsUp(): boolean;
  /** The plan as it was left, or the first one. */
  plan(): Setup<T>;
  keepSetup(plan: Setup<T>): void;
  openFull(plan: Setup<T>, select: HeadAt | undefined): void;
  /** Returns where, in words; undefined when the person cancels. */
  save(shown: Shown<T>): Promise<string | undefined>;
  /** Lets the person choose a result to compare with. */
  chooseOther(shown: Shown<T> | undefined): Promise<Other<T> | undefined>;
  export(request: ExportRequest, onWritten: (sentence: string) => void): Promise<void>;
  copy(text: string): Promise<void>;
  /** A failure outside a run. */
  report(sentence: string, details?: string): void;
}

/** Messages of every such panel. */
export type CommonMessage<P> =
  | { readonly kind: 'ready' | 'cancel' | 'save' | 'compare' | 'stopComparing' }
  | { readonly kind: 'planned'; readonly plan: P }
  | { readonly kind: 'run'; readonly plan: P; readonly resume?: boolean }
  | { readonly kind: 'openFull'; readonly plan: P; readonly select?: HeadAt }
  | ({ readonly kind: 'export' } & ExportRequest)
  | { readonly kind: 'copy'; readonly text: string };

/** Messages that these panels know, each as far as it can get them. */
export type CommonReply =
  | Notice
  | (Failed & { readonly request?: number; readonly folder?: string })
  | { readonly kind: 'overdue'; readonly sentence: string }
  | { readonly kind: 'models'; readonly models: readonly ModelChoice[] }
  | ({ readonly kind: 'devices' } & DeviceChoices)
  | { readonly kind: 'model'; readonly model: ModelSummary };

export type CommonKind = CommonMessage<unknown>['kind'];

/** Messages that a panel has beside those of every panel. */
export type OwnMessage<T extends PanelTypes> = Exclude<T['from'], { readonly kind: CommonKind }>;

/** `open`, as far as every panel has it. */
export type Opening<T extends PanelTypes> = Defined<{
  readonly kind: 'open';
  readonly place: PanelPlace;
  readonly plan: Setup<T>;
  readonly replaces: true | undefined;
  readonly canRun: true | string;
  readonly compareWith: Other<T> | undefined;
  readonly select: HeadAt | undefined;
  readonly savedAs: string | undefined;
}>;
