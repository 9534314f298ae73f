import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import type { BenchmarkRow } from '../../protocol/results/benchmark-schema';
import { answering, catalogue, devices, measured, openMessage, plan, result, supports } from './support/kernels-host';
import { PanelBrowser, type OpenOptions, type PanelPage } from './support/panel-page';

describe('the kernels panel', () => {
  let browser: PanelBrowser;
  let open: PanelPage[] = [];

  before(async () => {
    browser = await PanelBrowser.start('kernels');
  });
  after(() => browser.stop());
  // Whatever a test does: no refused style or script, no error on the console, no request elsewhere.
  afterEach(async () => {
    const complaints = open.flatMap((panel) => panel.complaints);
    await Promise.all(open.map((panel) => panel.close()));
    open = [];
    assert.deepEqual(complaints, []);
  });

  const start = async (options: Partial<OpenOptions> = {}): Promise<PanelPage> => {
    const panel = await browser.open({ host: answering(), ...options });
    open.push(panel);
    await panel.posts('ready');
    await panel.page.waitForSelector(options.place === 'file' ? 'h1' : '#run, #resume');
    return panel;
  };
  const finished = (options: Partial<OpenOptions> = {}): Promise<PanelPage> =>
    start({
      host: answering({ result, savedAs: 'kernels.headscope-bench.json', place: options.place ?? 'full' }),
      ...options,
    });

  const row = (mechanism: string, length: number): BenchmarkRow => {
    const found = result.rows.find((one) => one.mechanism === mechanism && one.length === length);
    assert.ok(found);
    return found;
  };
  const rowKeyOf = (one: BenchmarkRow): string => `${one.mechanism}@${one.length}`;
  const heading = (panel: PanelPage): Promise<string> => panel.page.innerText('h1');
  const cells = (panel: PanelPage, key: string): Promise<string[]> =>
    panel.page.$$eval(`.measurements tr[data-key="${key}"] > *`, (all) =>
      all.map((cell) => (cell as HTMLElement).innerText.trim()),
    );
  const column = (panel: PanelPage, index: number): Promise<string[]> =>
    panel.page.$$eval(
      '.measurements tbody tr',
      (rows, at) => rows.map((one) => (one.children[at] as HTMLElement | undefined)?.innerText.trim() ?? ''),
      index,
    );
  interface Drawn {
    readonly series: readonly {
      readonly id: string;
      readonly data: readonly { readonly value: readonly number[] }[];
    }[];
  }
  const drawn = (panel: PanelPage, chart: string): Promise<Drawn> =>
    panel.page.$eval(`[data-chart=${chart}]`, (card) => {
      const { series } = (card as unknown as { option: Drawn }).option;
      return {
        series: series
          .filter((one) => (one as unknown) !== null)
          .map(({ id, data }) => ({ id, data: data.map((item) => ({ value: item.value })) })),
      };
    });
  const points = async (panel: PanelPage, chart: string, series: string): Promise<(readonly number[])[]> =>
    (await drawn(panel, chart)).series.find(({ id }) => id === series)?.data.map(({ value }) => value) ?? [];
  /** Waits for the next drawing after what was just sent. */
  const settle = (panel: PanelPage): Promise<void> =>
    panel.page.evaluate(
      () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
    );

  describe('with a result', () => {
    it('says the finding first and shows the numbers of the result', async () => {
      const panel = await finished();
      assert.match(
        await heading(panel),
        /^Linear is 10\dx faster than fused at 8,192 tokens \(95 % [\d.]+ to [\d.]+, p < 0\.001\)/,
      );
      const tiled = row('tiled', 8192);
      const [name, time, quartiles, ratio, p, memory, error, efficiency] = await cells(panel, 'tiled@8192');
      assert.equal(name, 'Tiled');
      assert.equal(Number(time?.replaceAll(',', '')), Number(tiled.medianMs?.toPrecision(3)));
      assert.deepEqual(
        quartiles?.split('–').map((each) => Number(each.replaceAll(',', ''))),
        tiled.quartilesMs?.map((each) => Number(each.toPrecision(3))),
      );
      assert.equal(Number(ratio?.split(' ')[0]), Number(tiled.ratioToBaseline?.median.toPrecision(3)));
      assert.equal(p, '< 0.001');
      assert.equal(Number(memory), Number(((tiled.peakBytes ?? 0) / 1e6).toPrecision(3)));
      assert.equal(Number(error), Number(tiled.maxError?.toPrecision(3)));
      assert.equal(efficiency, '1,024');
      const refused = await cells(panel, 'alibi@8192');
      assert.equal(refused.length, 2);
      assert.match(refused[1] ?? '', /needs 6\.5 GB/);
    });

    it('says what is measured and what is estimated of the memory, and writes a small peak in a unit that fits', async () => {
      const panel = await finished();
      assert.equal(await panel.page.innerText('[data-chart=memory] .readout'), 'Points: measured. Dashed: cost model.');
      assert.equal(await panel.page.innerText('[data-chart=time] .readout'), '');
      const estimate = panel.page.locator('.mechanism-facts .muted', { hasText: '≈' }).first();
      assert.match(await estimate.innerText(), /^≈ [\d.]+ [kMG]B$/);
      assert.match((await estimate.getAttribute('title')) ?? '', /^Peak memory at 8,192 tokens as the cost model/);
      const rows = result.rows.map((one) => (one.peakBytes === undefined ? one : { ...one, peakBytes: 24_200 }));
      const small = await start({ host: answering({ result: { ...result, rows } }) });
      assert.equal((await cells(small, 'tiled@8192'))[5], '24.2');
      assert.match(await small.page.innerText('.measurements th:has-text("Peak memory") .unit'), /kB/);
    });

    it('marks the length from which each mechanism is faster, at its place on the axis', async () => {
      const crossover = result.crossover.map((one) =>
        one.mechanism === 'sliding-window' ? { ...one, efficiencyLength: 2896 } : one,
      );
      const panel = await start({ host: answering({ result: { ...result, crossover } }) });
      // Linear is faster from the shortest length on, which no mark could tell.
      assert.equal(result.crossover.find(({ mechanism }) => mechanism === 'linear')?.efficiencyLength, 512);
      const marks = await panel.page.$eval('[data-chart=time]', (card) => {
        interface Shape {
          readonly type: string;
          readonly style: { readonly text?: string };
          readonly shape?: { readonly x1: number; readonly x2: number };
        }
        const { echarts } = (card as unknown as { view: { echarts: unknown } }).view as {
          echarts: {
            getZr(): { storage: { getDisplayList(update: boolean): Shape[] } };
            convertToPixel(finder: object, value: number[]): number[];
          };
        };
        const shapes = echarts.getZr().storage.getDisplayList(true);
        const texts = shapes.flatMap(({ type, style }) =>
          type === 'tspan' && style.text?.includes('faster from') ? [style.text] : [],
        );
        const upright = shapes.flatMap(({ type, shape }) =>
          type === 'line' && shape && shape.x1 === shape.x2 ? [shape.x1] : [],
        );
        const place = (length: number) => echarts.convertToPixel({ gridIndex: 0 }, [length, 1])[0] ?? -1;
        const lengths = texts.map((text) => Number(/from ([\d,]+)$/.exec(text)?.[1]?.replaceAll(',', '')));
        return {
          lengths: lengths.sort((a, b) => a - b),
          drawn: lengths.every((length) => upright.some((x) => Math.abs(x - place(length)) < 1)),
          codes: texts.every((text) => /^\S.* faster from/.test(text)),
        };
      });
      assert.deepEqual(marks, { lengths: [1024, 2896], drawn: true, codes: true });
    });

    it('draws exactly the measured values in each chart', async () => {
      const panel = await finished();
      const lengths = plan.shape.lengths;
      const of = (value: (one: BenchmarkRow) => number | undefined) =>
        lengths.map((length) => value(row('tiled', length)));
      const ys = async (chart: string) => (await points(panel, chart, 'tiled')).map((value) => value[1]);
      assert.deepEqual(
        (await points(panel, 'time', 'tiled')).map((value) => value[0]),
        lengths,
      );
      assert.deepEqual(
        await ys('time'),
        of(({ medianMs }) => medianMs),
      );
      assert.deepEqual(
        await ys('ratio'),
        of(({ ratioToBaseline }) => ratioToBaseline?.median),
      );
      assert.deepEqual(
        await ys('memory'),
        of(({ peakBytes }) => peakBytes),
      );
      assert.deepEqual(
        await ys('error'),
        of(({ maxError }) => maxError),
      );
      assert.deepEqual(
        await ys('roofline'),
        of(({ gflops }) => gflops),
      );
      assert.deepEqual(
        (await points(panel, 'roofline', 'tiled')).map((value) => value[0]),
        of(({ flops, bytes }) => (flops ?? 0) / (bytes ?? 1)),
      );
    });

    it('names the fitted exponents in the legend, whose entries switch the lines', async () => {
      const panel = await finished();
      const fit = result.fits.find(({ mechanism }) => mechanism === 'tiled');
      const entry = panel.page.locator('.legend-entry', { hasText: 'Tiled' });
      assert.equal(await entry.locator('sup').innerText(), fit?.exponent.toPrecision(3));
      await entry.click();
      await settle(panel);
      assert.equal(await entry.getAttribute('aria-pressed'), 'false');
      assert.deepEqual(await points(panel, 'time', 'tiled'), []);
    });

    it('sorts by each column, both ways, with refused rows last', async () => {
      const panel = await finished();
      await panel.page.click('.measurements th:nth-child(2) .sort');
      await settle(panel);
      const ascending = (await column(panel, 0)).map((name) => name.split('\n')[0]);
      assert.deepEqual(ascending, ['Linear', 'Sliding window', 'Tiled', 'Fused', 'Scaled dot product', 'ALiBi']);
      assert.equal(await panel.page.getAttribute('.measurements th:nth-child(2)', 'aria-sort'), 'ascending');
      await panel.page.click('.measurements th:nth-child(2) .sort');
      await settle(panel);
      const descending = (await column(panel, 0)).map((name) => name.split('\n')[0]);
      assert.deepEqual(descending, ['Fused', 'Tiled', 'Sliding window', 'Linear', 'Scaled dot product', 'ALiBi']);
    });

    it('has a table twin for each chart with its numbers', async () => {
      const panel = await finished();
      for (const chart of ['time', 'ratio', 'memory', 'roofline', 'error']) {
        await panel.page.click(`[data-chart=${chart}] .icon-button[aria-label="Show the numbers as a table"]`);
      }
      await settle(panel);
      const text = await panel.page.$$eval('[data-chart=time] tbody tr:last-child td', (all) =>
        all.map((cell) => cell.textContent?.trim()),
      );
      assert.equal(Number(text[1]?.replaceAll(',', '')), Number(row('fused', 8192).medianMs?.toPrecision(3)));
      assert.equal(await panel.page.locator('hs-chart-card table').count(), 5);
    });

    it('copies the table and a chart as Markdown and CSV', async () => {
      const panel = await finished();
      await panel.page.click('[aria-label="Copy as Markdown"]');
      const { text } = await panel.posts('copy');
      assert.match(text, /^\| Mechanism \| Time \(ms\) \| Quartiles \(ms\) \|/);
      assert.equal(text.split('\n').length, 2 + 6);
      const before = panel.posted.length;
      await panel.page.click('[data-chart=time] .menu-trigger');
      await panel.page.getByRole('menuitem', { name: 'Copy as CSV' }).click();
      const csv = (await panel.posts('copy', before)).text.trim().split('\r\n');
      assert.equal(csv.length, 1 + plan.shape.lengths.length);
      assert.equal(Number(csv.at(-1)?.split(',')[2]), row('fused', 8192).medianMs);
    });

    it('pins a point by a click, everywhere, and lets go by Escape', async () => {
      const panel = await finished();
      const at = await panel.page.$eval('[data-chart=time] .plot', (plot) => {
        const card = plot.closest('hs-chart-card') as unknown as {
          view: { echarts: { convertToPixel(finder: object, value: number[]): number[] } };
          chart: { series: { id: string; points: { x: number; y: number }[] }[] };
        };
        const point = card.chart.series.find(({ id }) => id === 'sliding-window')?.points.at(-1);
        const [x = 0, y = 0] = card.view.echarts.convertToPixel({ gridIndex: 0 }, [point?.x ?? 0, point?.y ?? 0]);
        return { x, y };
      });
      await panel.page.click('[data-chart=time] .plot', { position: at });
      await settle(panel);
      assert.match(
        await panel.page.innerText('[data-chart=time] .readout'),
        /Sliding window at 8,192 tokens: 70\.\d ms/,
      );
      assert.match(
        await panel.page.innerText('[data-chart=memory] .readout'),
        /Sliding window at 8,192 tokens: 122 MB/,
      );
      assert.equal(await panel.page.getAttribute('tr.selected', 'data-key'), 'sliding-window@8192');
      await panel.page.keyboard.press('Escape');
      await settle(panel);
      assert.equal(await panel.page.locator('tr.selected').count(), 0);
    });

    it('is compared with a second result: hollow lines, two more columns, what differs in words', async () => {
      const other = {
        ...result,
        device: { ...result.device, name: 'CPU, 8 cores' },
        rows: result.rows.map((one) => (one.medianMs === undefined ? one : { ...one, medianMs: one.medianMs / 2 })),
      };
      const panel = await finished();
      await panel.page.click('#compare');
      await panel.posts('compare');
      await panel.send(openMessage({ result, compareWith: { name: 'desktop', result: other } }));
      await settle(panel);
      assert.match(
        await panel.page.innerText('.banner'),
        /Compared with desktop\. Not the same: device \(CPU, 2 cores, there CPU, 8 cores\)/,
      );
      assert.equal((await cells(panel, 'tiled@8192'))[6], '2.00');
      assert.equal((await points(panel, 'time', 'tiled (desktop)')).length, 5);
      await panel.page.getByText('Stop comparing').click();
      await panel.posts('stopComparing');
      await settle(panel);
      assert.deepEqual(await points(panel, 'time', 'tiled (desktop)'), []);
    });

    it('opens a saved file before the catalogue is known, without any control of a run', async () => {
      const panel = await start({ place: 'file', host: () => [] });
      await panel.send(
        openMessage({
          place: 'file',
          mechanisms: [],
          devices: [],
          shapes: [],
          result,
          savedAs: 'kernels.headscope-bench.json',
        }),
      );
      await settle(panel);
      assert.match(await heading(panel), /^Linear is 10\dx faster than fused/);
      assert.equal(await panel.page.locator('#run, .strip').count(), 0);
      await panel.page.getByText('Open in the Kernels panel').click();
      assert.deepEqual((await panel.posts('openFull')).plan, plan);
    });
  });

  describe('a run', () => {
    const first = result.rows.slice(0, 12);

    it('shows points as they come, keeps them when cancelled, and resumes with them', async () => {
      const panel = await start();
      await panel.page.click('#run');
      const asked = await panel.posts('run');
      assert.deepEqual(asked.plan, plan);
      for (const one of first) await panel.send({ kind: 'row', row: one, final: true });
      await panel.send({ kind: 'row', row: row('fused', 2048), final: false });
      await panel.send({ kind: 'stage', sentence: 'Timing at 2,048 tokens', done: 12, total: 30, secondsLeft: 40 });
      await settle(panel);
      assert.match(
        await panel.page.innerText('.run-state'),
        /Timing at 2,048 tokens: 12 of 30 points, about 40 s left/,
      );
      assert.equal((await points(panel, 'time', 'tiled')).length, 2);
      assert.equal(await panel.page.locator('tr.provisional').getAttribute('data-key'), 'fused@2048');
      assert.equal(await panel.page.locator('tr.waiting').count(), 5);

      await panel.page.click('#cancel');
      await panel.posts('cancel');
      await panel.send({
        kind: 'overdue',
        sentence: 'The call in flight does not stop; its process is being restarted.',
      });
      await settle(panel);
      assert.match(await panel.page.innerText('.banner.warning'), /being restarted/);
      await panel.send({
        kind: 'result',
        result: { ...result, rows: first, fits: [], crossover: [], state: 'cancelled' },
        savedAs: 'half.json',
      });
      await settle(panel);
      assert.match(await heading(panel), /^Cancelled after 12 of 30 points\. /);
      assert.match(
        await panel.page.innerText('.run-state'),
        /Cancelled: 12 of 30 points kept, saved as half\.json; Resume continues/,
      );
      assert.equal(await panel.page.locator('.banner').count(), 0);
      assert.equal(await panel.page.locator('#save').getAttribute('disabled'), null);

      await panel.page.click('#resume');
      const resumed = await panel.posts('run', panel.posted.indexOf(asked) + 1);
      assert.deepEqual(resumed.plan.done, first);
      await settle(panel);
      assert.equal((await points(panel, 'time', 'tiled')).length, 2);
      await panel.send({ kind: 'result', result, savedAs: 'whole.json' });
      await settle(panel);
      assert.match(await panel.page.innerText('.run-state'), /30 points in 1 min 11 s on cpu, saved as whole\.json/);
      assert.equal(await panel.page.locator('#resume').count(), 0);
    });

    it('keeps what it has when the compute process fails, and says the next step with the details folded', async () => {
      const panel = await start();
      await panel.page.click('#run');
      for (const one of first) await panel.send({ kind: 'row', row: one, final: true });
      await panel.send({ kind: 'row', row: row('fused', 2048), final: false });
      await panel.send({ kind: 'failed', sentence: 'The compute process ended. Run again.', details: 'SIGKILL' });
      await settle(panel);
      assert.match(
        await panel.page.innerText('.banner.error'),
        /The compute process ended\. Run again\. What was measured before stays below\./,
      );
      assert.equal(await panel.page.locator('.banner.error pre').isVisible(), false);
      assert.equal((await points(panel, 'time', 'fused')).length, 2);
      await panel.page.click('#resume');
      assert.equal(
        (await panel.posts('run', panel.posted.findIndex(({ kind }) => kind === 'run') + 1)).plan.done?.length,
        12,
      );
    });

    it('starts by Ctrl+Enter and moves no chart when data comes', async () => {
      const panel = await start();
      await panel.page.keyboard.press('Control+Enter');
      await panel.posts('run');
      await settle(panel);
      const boxes = () =>
        panel.page.$$eval('hs-chart-card, .run-bar, .measurements', (all) =>
          all.map((one) => {
            const { x, y, width, height } = one.getBoundingClientRect();
            return [x, y, width, height].map(Math.round).join(' ');
          }),
        );
      const before = await boxes();
      for (const one of first) await panel.send({ kind: 'row', row: one, final: true });
      await panel.send({ kind: 'stage', sentence: 'Timing at 2,048 tokens', done: 12, total: 30, secondsLeft: 40 });
      await settle(panel);
      assert.deepEqual(await boxes(), before);
    });

    it('follows a run that another view started: the new state replaces the old', async () => {
      const panel = await finished();
      const other = { ...plan, mechanisms: ['tiled'], shape: { ...plan.shape, lengths: [128, 256] } };
      await panel.send(openMessage({ plan: other }));
      await panel.send({ kind: 'stage', sentence: 'Checking Tiled', done: 0, total: 4 });
      await panel.send({ kind: 'row', row: { mechanism: 'tiled', length: 128, ok: true, medianMs: 1.5 }, final: true });
      await settle(panel);
      assert.deepEqual(await points(panel, 'time', 'tiled'), [[128, 1.5]]);
      assert.equal(await panel.page.inputValue('vscode-text-field[aria-label="Lengths in tokens"] input'), '128, 256');
    });
  });

  describe('the settings', () => {
    const fill = (panel: PanelPage, label: string, text: string): Promise<void> =>
      panel.page.fill(`vscode-text-field[aria-label="${label}"] input`, text);

    it('take the shape and the window of a model config', async () => {
      const panel = await start();
      await panel.page.click('vscode-dropdown[aria-label="Shape of"]');
      await panel.page.getByRole('option', { name: 'Mistral-7B-v0.1' }).click();
      const planned = await panel.posts('planned', panel.posted.findLastIndex(({ kind }) => kind === 'planned') + 1);
      assert.equal(planned.plan.origin, 'Mistral-7B-v0.1');
      assert.deepEqual(
        [planned.plan.shape.heads, planned.plan.shape.kvHeads, planned.plan.shape.headDim],
        [32, 8, 128],
      );
      assert.equal(planned.plan.parameters['sliding-window']?.['window'], 4096);
    });

    it('refuse what cannot run with a sentence at the field, and say that the pictures are of other settings', async () => {
      const panel = await finished();
      await fill(panel, 'Key/value heads', '3');
      await settle(panel);
      assert.match(
        await panel.page.innerText('.text-control.invalid .problem'),
        /3 key\/value heads do not divide 8 query heads/,
      );
      assert.equal(await panel.page.locator('#run').getAttribute('disabled'), '');
      await fill(panel, 'Key/value heads', '4');
      await settle(panel);
      assert.match(await panel.page.innerText('.banner'), /settings have changed since this was measured/);
      await panel.page.getByText('Back to its settings').click();
      await settle(panel);
      assert.equal(await panel.page.locator('.banner').count(), 0);
      assert.equal(await panel.page.inputValue('vscode-text-field[aria-label="Key/value heads"] input'), '8');
    });

    it('grey a mechanism with its reason and leave it out of the run', async () => {
      const panel = await start({ host: answering({}, { tiled: 'The block does not fit.' }) });
      await panel.page.waitForSelector('#why-tiled');
      assert.equal(await panel.page.innerText('#why-tiled'), 'The block does not fit.');
      await panel.page.click('#run');
      assert.deepEqual(
        (await panel.posts('run')).plan.mechanisms,
        plan.mechanisms.filter((id) => id !== 'tiled'),
      );
    });

    it('hold a form of each mechanism and toggle lengths by chips', async () => {
      const panel = await start();
      await panel.page.click('[aria-label="Sliding window: definition and parameters"]');
      await fill(panel, 'Sliding window: Window', '0');
      await settle(panel);
      assert.match(await panel.page.innerText('.mechanism-details .problem'), /Window is a whole number from 1 to/);
      await fill(panel, 'Sliding window: Window', '512');
      await panel.page.getByRole('button', { name: '16,384' }).click();
      await panel.page.click('#run');
      const { plan: asked } = await panel.posts('run');
      assert.equal(asked.parameters['sliding-window']?.['window'], 512);
      assert.deepEqual(asked.shape.lengths, [...plan.shape.lengths, 16384]);
      await panel.page.click('.mechanism-details .link');
      assert.equal((await panel.posts('openLink')).url, 'https://arxiv.org/abs/2004.05150');
    });

    it('say what the device proved and ask for the test again', async () => {
      const panel = await start();
      assert.match(await panel.page.innerText('.controls'), /12 operators agree with float64, largest error 1\.3e-6/);
      await panel.page.click('[aria-label="Test the devices again"]');
      await panel.posts('refreshDevices');
      await settle(panel);
      assert.match(await panel.page.innerText('.controls'), /Testing the devices…/);
      await panel.send({ kind: 'devices', devices });
      await settle(panel);
      assert.match(await panel.page.innerText('.controls'), /12 operators agree/);
    });

    it('run nothing in an untrusted workspace and say why', async () => {
      const panel = await start({
        host: answering({ canRun: 'This workspace is not trusted: trust it to run kernels.' }),
      });
      assert.match(await panel.page.innerText('.banner'), /not trusted/);
      await panel.page.keyboard.press('Control+Enter');
      await settle(panel);
      assert.equal(
        panel.posted.some(({ kind }) => kind === 'run'),
        false,
      );
    });
  });

  it('comes back from a reload as it was: text, order, pin, hidden lines, points', async () => {
    const panel = await start();
    await panel.page.click('#run');
    for (const one of result.rows.slice(0, 12)) await panel.send({ kind: 'row', row: one, final: true });
    await panel.send({ kind: 'failed', sentence: 'Stopped.' });
    await panel.page.click('.measurements th:nth-child(2) .sort');
    await panel.page.locator('.legend-entry', { hasText: 'ALiBi' }).click();
    await panel.page.click('tr[data-key="tiled@1024"]');
    await panel.page.fill('vscode-text-field[aria-label="Lengths in tokens"] input', '512, 1024, 20');
    await settle(panel);
    const before = panel.posted.length;
    await panel.page.reload();
    await panel.posts('ready', before);
    await panel.page.waitForSelector('.measurements tbody tr');
    await settle(panel);
    assert.equal(
      await panel.page.inputValue('vscode-text-field[aria-label="Lengths in tokens"] input'),
      '512, 1024, 20',
    );
    assert.equal(await panel.page.getAttribute('.measurements th:nth-child(2)', 'aria-sort'), 'ascending');
    assert.equal(await panel.page.getAttribute('tr.selected', 'data-key'), 'tiled@1024');
    assert.equal(await panel.page.locator('.legend-entry', { hasText: 'ALiBi' }).getAttribute('aria-pressed'), 'false');
    assert.equal((await points(panel, 'time', 'tiled')).length, 2);
  });

  it('goes by keyboard alone: to the run, along the points, and back', async () => {
    const panel = await finished();
    const focused = () => panel.page.evaluate(() => document.activeElement?.className ?? '');
    for (let presses = 0; presses < 80 && (await focused()) !== 'plot'; presses += 1)
      await panel.page.keyboard.press('Tab');
    assert.equal(await focused(), 'plot');
    const said = () => panel.page.innerText('[role=status].unseen');
    await panel.page.keyboard.press('ArrowRight');
    assert.match(await said(), /^Scaled dot product at 512 tokens: 3\d\.\d ms/);
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.keyboard.press('ArrowDown');
    assert.match(await said(), /^Fused at 1,024 tokens: 4\d\.\d ms \(quartiles/);
    await panel.page.keyboard.press('Enter');
    await settle(panel);
    assert.equal(
      await panel.page.evaluate(
        () =>
          (JSON.parse(sessionStorage.getItem('state') ?? '{}') as { view: { pinned: unknown } }).view.pinned !==
          undefined,
      ),
      true,
    );
    await panel.page.keyboard.press('Escape');
    await panel.page.keyboard.press('Escape');
    await settle(panel);
    assert.equal(await panel.page.locator('tr.selected').count(), 0);
    await panel.page.locator('hs-menu .menu-trigger').first().focus();
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.waitForSelector('[role=menu]');
    await panel.page.keyboard.press('ArrowDown');
    assert.match(await panel.page.evaluate(() => document.activeElement?.textContent ?? ''), /SVG/);
    await panel.page.keyboard.press('Escape');
    assert.match(await focused(), /menu-trigger/);
  });

  it('opens its menus inside the page at each width', async () => {
    for (const width of [300, 1280]) {
      const panel = await finished({ width });
      for (const trigger of await panel.page.locator('.menu-trigger').all()) {
        await trigger.click();
        const box = await panel.page.locator('.menu-list').boundingBox();
        assert.ok(box && box.x >= 0 && box.x + box.width <= width, `${width} px: ${JSON.stringify(box)}`);
        await panel.page.keyboard.press('Escape');
      }
    }
  });

  it('names every control and every picture for a screen reader', async () => {
    const panel = await finished();
    const names = await panel.page.$$eval(
      '#root button, vscode-button, vscode-checkbox, vscode-dropdown, vscode-text-field, [role=application], #root table',
      (all) =>
        all
          .filter((one) => one.getRootNode() === document)
          .map((one) => (one.getAttribute('aria-label') ?? one.textContent ?? '').trim()),
    );
    assert.ok(names.length > 40);
    // The toolkit's own names say the kind of a control and nothing of it.
    assert.deepEqual(
      names.filter((name) => ['', 'Text field', 'Checkbox', 'Icon Button'].includes(name)),
      [],
    );
    const fields = await panel.page.$$eval('vscode-text-field', (all) =>
      all.map((one) => one.shadowRoot?.querySelector('input')?.getAttribute('aria-label')),
    );
    assert.ok(fields.includes('Key/value heads') && fields.includes('Lengths in tokens'), fields.join());
  });

  describe('exports', () => {
    const choose = async (panel: PanelPage, name: string) => {
      const before = panel.posted.length;
      await panel.page.locator('.run-bar .menu-trigger').click();
      await panel.page.getByRole('menuitem', { name }).click();
      return panel.posts('export', before);
    };
    const text = (data: string | Uint8Array): string => {
      assert.equal(typeof data, 'string');
      return data as string;
    };

    it('PNG: the signature, its size, and what made it as text', async () => {
      const { data, name } = await choose(await finished(), 'PNG');
      assert.ok(data instanceof Uint8Array);
      assert.match(name, /^kernels-causal-self-2026-11-24\.png$/);
      assert.deepEqual([...data.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      const bytes = Buffer.from(data);
      assert.ok(bytes.readUInt32BE(16) > 2000);
      assert.ok(bytes.includes('iTXtComment'));
      assert.ok(bytes.includes(result.device.runtime));
    });

    it('PNG: Chromium itself reads it, and it is not of one colour', async () => {
      const panel = await finished();
      const { data } = await choose(panel, 'PNG');
      assert.ok(data instanceof Uint8Array);
      const colours = await panel.page.evaluate(async (base64) => {
        const image = new Image();
        image.src = `data:image/png;base64,${base64}`;
        await image.decode();
        const canvas = document.createElement('canvas');
        canvas.width = image.width;
        canvas.height = image.height;
        const context = canvas.getContext('2d');
        context?.drawImage(image, 0, 0);
        const pixels = new Uint32Array(
          context?.getImageData(0, 0, image.width, image.height).data.buffer ?? new ArrayBuffer(0),
        );
        return new Set(pixels).size;
      }, Buffer.from(data).toString('base64'));
      assert.ok(colours > 100, `${colours} colours`);
    });

    it('SVG: well-formed, with the sentence, the axes and what made it', async () => {
      const panel = await finished();
      const svg = text((await choose(panel, 'SVG')).data);
      // Read on a page of its own: the panel's policy would refuse the styles inside.
      const reader = await panel.page.context().newPage();
      const read = await reader.evaluate((source) => {
        const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
        return {
          error: parsed.querySelector('parsererror')?.textContent ?? '',
          title: parsed.querySelector('title')?.textContent ?? '',
          metadata: parsed.querySelector('metadata')?.textContent ?? '',
          texts: [...parsed.querySelectorAll('text')].map((one) => one.textContent),
          ids: [...parsed.querySelectorAll('[id]')].map((one) => one.id),
        };
      }, svg);
      assert.equal(read.error, '');
      assert.match(read.title, /^Linear is 10\dx faster/);
      assert.equal((JSON.parse(read.metadata) as { headscope: string }).headscope, result.headscope);
      for (const axis of [
        'Time (ms)',
        'Speed against Fused (x)',
        'Peak memory (GB)',
        'Rate (GFLOP/s)',
        'Arithmetic intensity (FLOP/byte)',
        'Largest absolute error',
      ]) {
        assert.ok(read.texts.includes(axis), axis);
      }
      assert.equal(new Set(read.ids).size, read.ids.length);
      assert.doesNotMatch(svg, /<script|https?:\/\/(?!www\.w3\.org)/);
    });

    it('CSV: every point in full precision', async () => {
      const csv = text((await choose(await finished(), 'CSV')).data)
        .trim()
        .split('\r\n');
      const head = csv[0]?.split(',') ?? [];
      assert.equal(csv.length, 1 + result.rows.length);
      const line = csv.find((one) => one.startsWith('tiled,8192,'))?.split(',') ?? [];
      assert.equal(Number(line[head.indexOf('median_ms')]), row('tiled', 8192).medianMs);
      assert.equal(Number(line[head.indexOf('ratio_low')]), row('tiled', 8192).ratioToBaseline?.low);
      assert.ok(csv.every((one) => one === csv[0] || one.includes(result.device.runtime)));
    });

    it('JSON: the result itself', async () => {
      const { data, name } = await choose(await finished(), 'JSON');
      assert.match(name, /\.headscope-bench\.json$/);
      assert.deepEqual(JSON.parse(text(data)), result);
    });

    it('HTML: a page that shows all without loading or running anything', async () => {
      const panel = await finished();
      const page = text((await choose(panel, 'HTML')).data);
      assert.doesNotMatch(page, /(src|href)="(?!#)/);
      const other = await panel.page.context().newPage();
      const requests: string[] = [];
      other.on('request', (request) => requests.push(request.url()));
      await other.setContent(page);
      assert.equal(await other.locator('tbody tr').count(), result.rows.length);
      assert.match(await other.innerText('table'), /Sliding window/);
      const inside = await other.$eval('#headscope-result', (one) => one.textContent ?? '');
      assert.deepEqual(JSON.parse(inside), result);
      assert.deepEqual(requests, []);
    });

    it('one chart alone', async () => {
      const panel = await finished();
      await panel.page.click('[data-chart=roofline] .menu-trigger');
      await panel.page.getByRole('menuitem', { name: 'Save as SVG' }).click();
      const { name, data } = await panel.posts('export');
      assert.match(name, /roofline/);
      assert.match(text(data), /96\.4 GFLOP\/s peak, 17\.8 GB\/s/);
      assert.doesNotMatch(text(data), /Largest absolute error/);
    });
  });

  describe('looks', () => {
    /** What stands on what: boxes of the texts a chart has drawn. */
    const overlaps = (panel: PanelPage): Promise<string[]> =>
      panel.page.$$eval('hs-chart-card', (cards) =>
        cards.flatMap((card) => {
          interface Text {
            readonly type: string;
            readonly style: { readonly text?: string };
            getBoundingRect(): {
              clone(): { applyTransform(m: unknown): void; x: number; y: number; width: number; height: number };
            };
            readonly transform: unknown;
          }
          const { view } = card as unknown as {
            view: {
              echarts: {
                getZr(): { storage: { getDisplayList(update: boolean): Text[] } };
                getWidth(): number;
                getHeight(): number;
              };
            };
          };
          const { echarts } = view;
          const boxes = echarts
            .getZr()
            .storage.getDisplayList(true)
            .filter(({ type, style }) => type === 'tspan' && style.text)
            .map((one) => {
              const rect = one.getBoundingRect().clone();
              if (one.transform) rect.applyTransform(one.transform);
              return {
                text: one.style.text ?? '',
                x: rect.x,
                y: rect.y,
                right: rect.x + rect.width,
                bottom: rect.y + rect.height,
              };
            });
          const chart = card.getAttribute('data-chart') ?? '';
          const cut = boxes
            .filter(
              (box) =>
                box.x < -1 || box.right > echarts.getWidth() + 1 || box.y < -1 || box.bottom > echarts.getHeight() + 1,
            )
            .map((box) => `${chart}: "${box.text}" is cut off`);
          const met = boxes.flatMap((a, index) =>
            boxes
              .slice(index + 1)
              .filter((b) => a.x < b.right - 1 && b.x < a.right - 1 && a.y < b.bottom - 3 && b.y < a.bottom - 3)
              .map((b) => `${chart}: "${a.text}" stands on "${b.text}"`),
          );
          return [...cut, ...met];
        }),
      );

    for (const width of [300, 600, 1200, 1800]) {
      for (const place of width === 300 ? (['side', 'full'] as const) : (['full'] as const)) {
        it(`stays inside ${width} px (${place}), every fold open, no text on another`, async () => {
          const panel = await finished({ width, place });
          for (let fold = 0; fold < 6; fold += 1) {
            const closed = panel.page.locator('.disclosure-button[aria-expanded=false]').first();
            if ((await closed.count()) === 0) break;
            await closed.click();
            await settle(panel);
          }
          const sizes = await panel.page.evaluate(() => ({
            page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            wide: [...document.querySelectorAll<HTMLElement>('#root *')]
              .filter(
                (one) =>
                  !one.closest('.table-frame, .unseen, .run-state, vscode-dropdown, pre') &&
                  one.getBoundingClientRect().right > window.innerWidth + 0.5,
              )
              .map((one) => one.outerHTML.slice(0, 100)),
          }));
          assert.deepEqual(sizes, { page: 0, wide: [] });
          assert.deepEqual(await overlaps(panel), []);
        });
      }
    }

    it('shows mechanism, time and ratio beside each other in the side bar', async () => {
      const panel = await finished({ width: 300, place: 'side' });
      await panel.page.getByRole('button', { name: 'Measurements' }).click();
      const table = panel.page.locator('#measurements table');
      await table.waitFor();
      assert.deepEqual(
        (await table.locator('thead th').allInnerTexts()).map((head) => head.replace(/\s+/g, ' ').trim()),
        ['Mechanism', 'Time ms', 'Ratio x (95 %)'],
      );
      const tiled = (await table.locator('tr[data-key="tiled@8192"] td').last().innerText()).trim();
      assert.match(tiled, /^[\d.]+ \([\d.]+–[\d.]+\)$/);
      const hidden = await panel.page.$eval('#measurements .table-frame', (one) => one.scrollWidth - one.clientWidth);
      assert.equal(hidden, 0);
    });

    it('breaks a long title in the legend of the side bar, its exponent with it', async () => {
      const id = 'attention-over-a-neighbourhood-of-three-dimensions';
      const of = <One extends { readonly mechanism: string }>(all: readonly One[]): One[] =>
        all.flatMap((one) => (one.mechanism === 'tiled' ? [one, { ...one, mechanism: id }] : [one]));
      const long = {
        ...result,
        plan: { ...plan, mechanisms: [...plan.mechanisms, id] },
        rows: of(result.rows),
        fits: of(result.fits),
      };
      const host = answering({ result: long, plan: long.plan, place: 'side' });
      const panel = await start({ width: 300, place: 'side', host });
      const right = await panel.page.locator('.legend-entry .exponent').last().boundingBox();
      assert.ok(right && right.x + right.width <= 300, JSON.stringify(right));
    });

    it('stays readable with a result that `headscope bench` measured, noisy as it is', async () => {
      for (const width of [600, 1280, 1700]) {
        const panel = await finished({
          width,
          host: answering({ result: measured, plan: measured.plan, mechanisms: catalogue }),
        });
        await settle(panel);
        assert.deepEqual(await overlaps(panel), []);
        const at = Math.max(...measured.rows.map(({ length }) => length));
        for (const one of measured.rows.filter(({ length }) => length === at)) {
          const time = (await cells(panel, rowKeyOf(one)))[1]?.replaceAll(',', '');
          assert.equal(Number(time), Number(one.medianMs?.toPrecision(3)), one.mechanism);
        }
      }
    });

    it('follows the theme: the canvas is drawn anew in its colours', async () => {
      const panel = await finished({ theme: 'dark' });
      const colour = () =>
        panel.page.$eval('[data-chart=time]', (card) => {
          const { series } = (card as unknown as { option: { series: { id: string; lineStyle: { color: string } }[] } })
            .option;
          return series.find((one) => (one as { id: string } | null)?.id === 'tiled')?.lineStyle.color;
        });
      const dark = await colour();
      for (const theme of ['light', 'high-contrast', 'high-contrast-light'] as const) {
        await panel.setTheme(theme);
        await settle(panel);
        await settle(panel);
        assert.equal((await colour()) === dark, theme === 'high-contrast', theme);
        assert.deepEqual(await overlaps(panel), []);
      }
    });

    it('shows where the focus is in each theme', async () => {
      for (const theme of ['dark', 'light', 'high-contrast'] as const) {
        const panel = await finished({ theme });
        await panel.page.focus('[data-chart=time] .plot');
        await panel.page.keyboard.press('ArrowRight');
        const outline = await panel.page.$eval('[data-chart=time] .plot', (one) => getComputedStyle(one).outlineStyle);
        assert.equal(outline, 'solid', theme);
      }
    });
  });

  it('tells the extension of the form at most once in 300 ms', async () => {
    const panel = await start();
    await panel.posts('planned');
    const before = panel.posted.length;
    const field = panel.page.locator('vscode-text-field[aria-label="Seed"] input');
    await field.pressSequentially('2345', { delay: 5 });
    const { plan: planned } = await panel.posts('planned', before);
    await panel.send(supports());
    assert.match(String(planned.seed), /^23?4?5?1$/);
    assert.ok(panel.posted.slice(before).filter(({ kind }) => kind === 'planned').length <= 2);
  });
});
