/**
 * The tabs of the workbench in this window: every run is one from its start on, and stays one as its result, until it is closed.
 * Which there are, and which is in front, outlasts a reload. A closed tab deletes no result, as that is in the history; what a
 * stopped run had found is in its tab alone, which is offered back.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Disposable } from 'vscode';
import { analysisSetup, type AnalysisResult, type AnalysisSetup } from '../../../protocol/analysis/schema';
import {
  keptTabs,
  type ChosenHead,
  type KeptTab,
  type KeptTabs,
  type ShownTabs,
  type WorkbenchTab,
} from '../../../protocol/panels/workbench-tabs';
import { choiceOfHeld } from '../../../protocol/inputs/weights';
import { check } from '../../../protocol/schema/check';
import { defined } from '../../platform/defined';
import { Owner } from '../../platform/owner';
import { Signal } from '../../platform/signal';
import { Looks } from './looks';
import { stepsKept, type AnalysisRun } from './run';
import { entryOf, foundIn, isQuiet, keptOf, standingOf, stepsOf, type AnalysisFlight, type Tab } from './tab';
import type { Known, StoppedRuns } from './stopped-runs';

export interface TabsParts {
  readonly run: AnalysisRun;
  /** Memory of the workspace. */
  readonly memory: { get(key: string): unknown; update(key: string, value: unknown): PromiseLike<void> };
  /** Title of an analysis. */
  titleOf(analysis: string): string;
  modelName(folder: string): string;
  /** Whether a run that was begun waits for its turn. */
  waits(signal: AbortSignal): boolean;
  /** What runs without a whole result had found. */
  readonly stopped: Pick<StoppedRuns, 'keep' | 'read' | 'drop'>;
  /** Tells the person. */
  say(sentence: string): void;
}

/** More than anybody looks through; the history has the results of all. */
const mostTabs = 1000;
/** What a run has found is on the disk after this time, in milliseconds, should the window be killed. */
const writeAfter = 2000;
const cutOff = (steps: number): string =>
  `The window was closed before this run had ended. ${steps > 0 ? stepsKept(steps) : 'Run it again: steps that it had finished are not computed again.'}`;

const nothingFound: Known = { finding: '', sections: [] };

const withoutWaits = ({ waits: _, ...kept }: KeptTab): KeptTab => kept;

const memoryKey = 'workbench.tabs';

export class WorkbenchTabs extends Owner {
  private readonly parts: TabsParts;
  private readonly changed = this.own(new Signal<void>());
  private tabs: Tab[] = [];
  private front: string | undefined;
  private lastId = 0;
  /** No window of this workspace has had tabs: its last result becomes the first. */
  private isFirst: boolean;
  readonly looks = new Looks();
  /** The requests whose runs go on when the window closes. */
  readonly outlasting = new WeakSet<AnalysisSetup>();
  /** Those of them that this window did not begin. */
  private readonly found = new WeakSet<AnalysisSetup>();
  /** Ids of the history that are pinned. */
  private pinned: ReadonlySet<string> = new Set();

  constructor(parts: TabsParts) {
    super();
    this.parts = parts;
    const kept = check(keptTabs, parts.memory.get(memoryKey));
    this.isFirst = !kept.ok;
    if (kept.ok) {
      this.tabs = kept.result.tabs.map((tab) =>
        tab.entry === undefined ? { kept: tab, failed: tab.stopped ?? cutOff(0) } : { kept: tab },
      );
      this.front = this.tabs.find((tab) => tab.kept.id === kept.result.active)?.kept.id;
      this.lastId = Math.max(0, ...this.tabs.map((tab) => Number(tab.kept.id.slice(1)) || 0));
    }
    this.own(parts.run.onEvent((event, run) => this.onRun(event, run)));
  }

  readonly onChange = (listener: () => void): Disposable => this.changed.event(listener);

  /** The tabs as they are sent to the page. */
  get shown(): ShownTabs {
    return defined({ tabs: this.tabs.map((tab) => this.asShown(tab)), active: this.front });
  }

  get active(): KeptTab | undefined {
    return this.activeTab?.kept;
  }

  /** The newest Look. */
  get lookTab(): KeptTab | undefined {
    return this.look?.kept;
  }

  /** The run of the tab in front, while this window knows it. */
  get flight(): AnalysisFlight | undefined {
    return this.activeTab?.flight;
  }

  /** What a run of an earlier window had found stands in its tab again, once that is in front. */
  async restore(): Promise<void> {
    if (this.activeTab !== undefined) await this.readStopped(this.activeTab);
  }

  private async readStopped(tab: Tab): Promise<void> {
    if (tab.kept.entry !== undefined || tab.flight !== undefined) return;
    const known = await this.parts.stopped.read(tab.kept);
    const { finding, sections, steps = 0 } = known ?? nothingFound;
    const events = known === undefined ? [] : [{ kind: 'partial' as const, finding, sections }];
    tab.failed = tab.kept.stopped ?? cutOff(steps);
    tab.kept = { ...tab.kept, stopped: tab.failed };
    tab.flight ??= this.parts.run.earlier({ plan: tab.kept.setup, events, sentence: tab.failed });
  }

  /** Where the result in front was saved, in words. */
  get savedAs(): string | undefined {
    return this.activeTab?.savedAs;
  }

  of(id: string): KeptTab | undefined {
    return this.tabs.find((tab) => tab.kept.id === id)?.kept;
  }

  /** The result of a tab, where this window still has it. */
  resultOf(id: string): AnalysisResult | undefined {
    return this.tabs.find((tab) => tab.kept.id === id)?.flight?.finished?.result;
  }

  /** The run that gave a result, where this window has it. */
  flightOf(result: AnalysisResult): AnalysisFlight | undefined {
    const entry = entryOf(result);
    return this.tabs.find(({ kept }) => kept.entry === entry)?.flight;
  }

  /** The run has ended with a whole result. */
  hasResult(run: number): boolean {
    return this.tabs.some(({ flight }) => flight?.number === run && flight.finished !== undefined && !flight.failed);
  }

  saved(id: string, words: string | undefined): void {
    const tab = this.tabs.find((one) => one.kept.id === id);
    if (tab !== undefined) tab.savedAs = words;
  }

  /** The last result of a workspace that has had no tabs. */
  begin(result: AnalysisResult | undefined): void {
    if (this.isFirst && result !== undefined && this.tabs.length === 0) this.add(result);
    this.isFirst = false;
  }

  /** Once it runs, its tab is the Look. One that runs by itself and has not ended is superseded. */
  asLook(setup: AnalysisSetup, kind: 'asked' | 'by-itself'): AnalysisSetup {
    this.looks.mark(setup, kind);
    this.supersede();
    return setup;
  }

  /** Begins runs that were to go on without the window before and still waited for their turn when it closed. */
  beginWaiting(): void {
    for (const { kept } of this.tabs.filter((tab) => tab.kept.waits)) this.goOn(kept.setup);
  }

  /** A run that another window began goes on in its tab, or in one behind the others. */
  goOn(setup: AnalysisSetup): void {
    // A window that begins a run again may find its job as well.
    const isHere = ({ flight }: Tab): boolean => flight?.running === true && this.found.has(flight.plan);
    if (this.tabsOf(setup).some(isHere)) return;
    this.outlasting.add(setup);
    this.found.add(setup);
    void this.parts.run.start(setup);
  }

  /** Ends a Look that runs by itself; its signal, if there was one. */
  supersede(): AbortSignal | undefined {
    const flight = this.look?.flight;
    if (flight?.running !== true || !this.looks.isOwn(flight.plan)) return undefined;
    this.looks.supersede(flight.number);
    this.parts.run.cancel(flight.number);
    return flight.abort.signal;
  }

  /** Somebody has asked more of it, or compared it: no Look takes its place. */
  use(id: string): void {
    const tab = this.tabs.find((one) => one.kept.id === id);
    if (tab?.kept.byItself !== true) return;
    const { byItself: _, ...kept } = tab.kept;
    tab.kept = kept;
    this.keep();
  }

  choose(id: string, chosen: ChosenHead): void {
    const tab = this.tabs.find((one) => one.kept.id === id);
    if (tab === undefined) return;
    tab.kept = { ...tab.kept, chosen };
    this.keep();
  }

  /** Undefined: none. */
  activate(id: string | undefined): void {
    if (id !== undefined && this.of(id) === undefined) return;
    this.front = id;
    this.keep();
  }

  /** A result as a tab in front; the one that has it already, where there is one. */
  add(result: AnalysisResult, entry = entryOf(result)): void {
    const open = this.tabs.find((tab) => tab.kept.entry === entry);
    if (open === undefined) {
      const kept = { id: this.nextId(), ...keptOf(result), entry };
      this.tabs.push({ kept });
      this.front = kept.id;
    } else this.front = open.kept.id;
    this.keep();
  }

  /**
   * Ends the run of a tab that has one; takes away one whose run has ended. Of a stopped run that had found something it gives what
   * brings the tab back.
   */
  async close(id: string): Promise<(() => void) | undefined> {
    const tab = this.tabs.find((one) => one.kept.id === id);
    if (tab?.flight?.running === true) this.parts.run.cancel(tab.flight.number);
    if (tab === undefined || tab.flight?.running === true) return undefined;
    await this.readStopped(tab);
    if (!this.tabs.includes(tab)) return undefined;
    this.remove(tab);
    return tab.kept.entry === undefined && foundIn(tab) ? () => this.reopen(tab) : undefined;
  }

  private reopen(tab: Tab): void {
    if (this.tabs.includes(tab)) return;
    // Another one may have become the Look meanwhile.
    const { look: _, ...kept } = tab.kept;
    if (this.look !== undefined) tab.kept = kept;
    this.tabs.push(tab);
    this.front = tab.kept.id;
    this.write(tab);
    this.keep();
  }

  setPinned(entries: ReadonlySet<string>): void {
    const same = entries.size === this.pinned.size && [...entries].every((id) => this.pinned.has(id));
    this.pinned = entries;
    if (!same) this.changed.fire();
  }

  private onRun(
    event: { readonly kind: string; readonly sentence?: string; readonly refused?: true },
    run: number,
  ): void {
    const { current } = this.parts.run;
    if (event.kind === 'started') {
      if (current !== undefined) this.onStart(current);
      return;
    }
    const tab = this.tabs.find((one) => one.flight?.number === run);
    if (tab?.flight === undefined) return;
    const { finished, running, plan } = tab.flight;
    // What stands there from before is worth more than a part of a Look that nobody has asked for.
    const isPartOfLook = finished === undefined && tab.replaced?.kept.entry !== undefined && this.looks.isOwn(plan);
    if (event.kind === 'failed' && (event.refused === true || isPartOfLook)) return this.onRefused(tab, run);
    if (event.kind === 'failed' && finished === undefined && !running) {
      tab.failed = event.sentence ?? '';
      tab.kept = { ...withoutWaits(tab.kept), stopped: tab.failed };
      this.write(tab);
    }
    if (event.kind === 'result' && finished !== undefined) {
      this.drop(tab);
      const { id, look, chosen } = tab.kept;
      const { result } = finished;
      // The setting may be another one by the time that the tab is looked at.
      const weights = result.weights && choiceOfHeld(result.weights);
      // One that was asked more of is kept once more, and is used.
      const isUsed = tab.kept.entry === entryOf(result) && tab.kept.byItself === undefined;
      const byItself = !isUsed && this.looks.isOwn(plan) ? (true as const) : undefined;
      const setup = { ...plan, ...defined({ weights }) };
      tab.kept = defined({ id, ...keptOf(result), setup, look, byItself, chosen });
      delete tab.replaced;
    }
    if (event.kind === 'partial' || (event.kind === 'stage' && stepsOf(tab) > 0))
      tab.writes ??= setTimeout(() => this.write(tab), writeAfter).unref();
    if (event.kind === 'partial') return;
    if (event.kind === 'stage') this.onStage(tab, tab.flight);
    else this.keep();
  }

  private onStart(flight: AnalysisFlight): void {
    const kind = this.looks.kindOf(flight.plan);
    const before = this.look;
    const isFound = this.found.has(flight.plan);
    const cutOffTab = isFound ? this.cutOffTab(flight.plan) : undefined;
    if (cutOffTab !== undefined) {
      const { stopped: _, ...kept } = cutOffTab.kept;
      Object.assign(cutOffTab, { kept, flight, begun: Date.now() });
      delete cutOffTab.failed;
    } else if (kind !== undefined && before !== undefined && this.gives(before)) this.replace(before, flight, kind);
    else {
      const waits = this.outlasting.has(flight.plan) ? (true as const) : undefined;
      const kept = defined({ id: this.nextId(), ...this.ofSetup(flight.plan), waits });
      const tab: Tab = { kept, flight, before: this.front, begun: Date.now() };
      if (kind !== undefined) {
        tab.lookBefore = before;
        this.setLook(tab);
        if (before?.kept.chosen) tab.kept = { ...tab.kept, chosen: before.kept.chosen };
        if (kind === 'by-itself') tab.kept = { ...tab.kept, byItself: true };
      }
      this.tabs.push(tab);
      if (!isFound || this.front === undefined) this.front = kept.id;
    }
    this.keep();
  }

  /** The tab of a run that the window before had begun. */
  private cutOffTab(plan: AnalysisSetup): Tab | undefined {
    return this.tabsOf(plan).findLast(({ kept, flight }) => kept.entry === undefined && flight?.running !== true);
  }

  /** Tabs of one request. */
  private tabsOf(plan: AnalysisSetup): readonly Tab[] {
    const asKept = check(analysisSetup, JSON.parse(JSON.stringify(plan)));
    return asKept.ok ? this.tabs.filter(({ kept }) => isDeepStrictEqual(kept.setup, asKept.result)) : [];
  }

  /** Its place goes to the next Look: it ran by itself, and nobody has used or pinned it. */
  private gives({ kept: { byItself, entry } }: Tab): boolean {
    return byItself === true && (entry === undefined || !this.pinned.has(entry));
  }

  /** The tab stays, with all that is arranged in it. One that runs by itself shows the Look before it until it ends. */
  private replace(tab: Tab, flight: AnalysisFlight, kind: 'asked' | 'by-itself'): void {
    tab.replaced ??= { kept: tab.kept, flight: tab.flight, savedAs: tab.savedAs };
    const { id, entry, chosen } = tab.kept;
    const next = { id, ...this.ofSetup(flight.plan), look: true, ...defined({ chosen }) } as const;
    if (kind === 'asked') tab.kept = next;
    else if (entry === undefined) tab.kept = { ...next, byItself: true };
    Object.assign(tab, { flight, begun: Date.now(), savedAs: undefined });
    delete tab.failed;
    delete tab.said;
    this.front = id;
  }

  /** Its run gave nothing: what stood there before stands there again. */
  private onRefused(tab: Tab, run: number): void {
    const { replaced } = tab;
    this.looks.giveBack(run);
    if (replaced?.kept.entry === undefined) {
      if (tab.kept.look && tab.lookBefore) this.setLook(tab.lookBefore);
      return this.remove(tab, tab.before);
    }
    clearTimeout(tab.writes);
    Object.assign(tab, replaced, { writes: undefined });
    delete tab.replaced;
    delete tab.failed;
    this.keep();
  }

  /** Once for each step and percent. */
  private onStage(tab: Tab, { stage, abort }: AnalysisFlight): void {
    if (stage?.kind !== 'stage') return;
    if (tab.kept.waits && !this.parts.waits(abort.signal)) {
      tab.kept = withoutWaits(tab.kept);
      this.keep();
    }
    const said = `${stage.sentence} ${Math.floor(100 * stage.share)}`;
    if (said === tab.said) return;
    tab.said = said;
    this.changed.fire();
  }

  private get look(): Tab | undefined {
    return this.tabs.find(({ kept }) => kept.look);
  }

  /** The one that was it until now is a tab like the others. */
  private setLook(tab: Tab): void {
    const before = this.look;
    if (before !== undefined) {
      const { look: _, ...kept } = before.kept;
      before.kept = kept;
    }
    tab.kept = { ...tab.kept, look: true };
  }

  /** A disk that is full takes nothing from what is on the screen. */
  private write(tab: Tab): void {
    clearTimeout(tab.writes);
    tab.writes = undefined;
    const { finding, sections } = foundIn(tab) ?? nothingFound;
    const steps = stepsOf(tab);
    if (sections.length === 0 && finding === '' && steps === 0) return;
    this.parts.stopped.keep(tab.kept, { finding, sections, ...(steps > 0 ? { steps } : {}) }).catch(() => undefined);
  }

  private drop(tab: Tab): void {
    clearTimeout(tab.writes);
    tab.writes = undefined;
    this.parts.stopped.drop(tab.kept).catch(() => undefined);
  }

  private remove(tab: Tab, next?: string): void {
    if (tab.kept.entry === undefined) this.drop(tab);
    const at = this.tabs.indexOf(tab);
    this.tabs = this.tabs.filter((one) => one !== tab);
    if (this.front === tab.kept.id) {
      const other = next === undefined ? undefined : this.of(next)?.id;
      this.front = other ?? (this.tabs[at] ?? this.tabs.at(-1))?.kept.id;
    }
    this.keep();
  }

  private get activeTab(): Tab | undefined {
    return this.tabs.find((tab) => tab.kept.id === this.front);
  }

  private nextId(): string {
    this.lastId += 1;
    return `t${this.lastId}`;
  }

  private ofSetup(setup: AnalysisSetup): Omit<KeptTab, 'id'> {
    return {
      setup,
      title: this.parts.titleOf(setup.analysis),
      model: setup.folder === '' ? '' : this.parts.modelName(setup.folder),
      created: new Date().toISOString(),
    };
  }

  private asShown(tab: Tab): WorkbenchTab {
    const { kept, flight, failed } = tab;
    const isSaid = flight?.running === true && !(this.looks.isOwn(flight.plan) && isQuiet(tab));
    const state = flight && this.parts.waits(flight.abort.signal) ? 'waiting' : 'running';
    return {
      ...kept,
      pinned: kept.entry !== undefined && this.pinned.has(kept.entry),
      ...defined({ failed, run: flight?.number, standing: isSaid ? standingOf(flight, state) : undefined }),
    };
  }

  private keep(): void {
    this.closeOldest();
    // A Look that runs by itself starts again, after the one before it.
    const begins = ({ kept: { entry, byItself } }: Tab): boolean => entry === undefined && byItself === true;
    const before = this.tabs.find((tab) => tab.kept.look && begins(tab))?.lookBefore;
    const tabs = this.tabs
      .filter((tab) => !begins(tab))
      .map((tab) => (tab === before ? { ...tab.kept, look: true as const } : tab.kept));
    const active = tabs.find(({ id }) => id === this.front)?.id;
    void this.parts.memory.update(memoryKey, defined({ tabs, active }) satisfies KeptTabs);
    this.changed.fire();
  }

  /** Beyond the bound; nothing of it is lost, and it is said. */
  private closeOldest(): void {
    const many = this.tabs.length - mostTabs;
    if (many <= 0) return;
    const mayGo = ({ kept }: Tab): boolean => kept.entry !== undefined && kept.id !== this.front && !kept.look;
    const oldest = new Set(this.tabs.filter(mayGo).slice(0, many));
    if (oldest.size === 0) return;
    this.tabs = this.tabs.filter((tab) => !oldest.has(tab));
    const closed =
      oldest.size === 1
        ? 'the oldest was closed. Its result is'
        : `the ${oldest.size} oldest were closed. Their results are`;
    this.parts.say(
      `More than ${mostTabs.toLocaleString('en-US')} tabs were open, so ${closed} among the earlier results.`,
    );
  }

  override dispose(): void {
    for (const tab of this.tabs) if (tab.writes !== undefined) this.write(tab);
    super.dispose();
  }
}
