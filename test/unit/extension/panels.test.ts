import assert from 'node:assert/strict';
import { exportBytes } from '../../../extension/panels/export-bytes';
import { Mailbox } from '../../../extension/panels/mailbox';
import { messagesOf } from '../../../extension/panels/page-messages';
import { createNonce, shellHtml } from '../../../extension/panels/shell';

const parts = {
  title: 'Kernels',
  panel: 'kernels',
  place: 'side',
  name: 'page 1',
  script: 'https://host/kernels.js',
  codicons: 'https://host/codicon.css',
  cspSource: 'https://host',
};

describe('the shell of a panel', () => {
  it('allows scripts by nonce only and nothing from elsewhere', () => {
    const html = shellHtml(parts, 'NONCE');
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]?.replaceAll('&#39;', "'");
    assert.equal(
      policy,
      "default-src 'none'; script-src 'nonce-NONCE'; style-src https://host 'nonce-NONCE'; font-src https://host; img-src https://host data: blob:",
    );
    assert.equal(html.match(/<script/g)?.length, 1);
    assert.match(html, /<script nonce="NONCE" src="https:\/\/host\/kernels\.js"><\/script>/);
    assert.match(html, /<div id="root" data-panel="kernels" data-place="side" data-page="page 1"/);
  });

  it('has a new nonce each time', () => {
    assert.notEqual(createNonce(), createNonce());
    assert.ok(createNonce().length >= 32);
  });

  it('cannot be broken out of by what it is given', () => {
    const html = shellHtml({ ...parts, title: '</title><script>alert(1)</script>', script: '"><img src=x>' }, 'N');
    assert.equal(html.match(/<script/g)?.length, 1);
    assert.ok(!html.includes('<img'));
  });
});

describe('messages of a webview that shows one page after the other', () => {
  it('are those of the page of now, from its own `ready` on', () => {
    const heard = messagesOf('page 2');
    assert.equal(heard({ kind: 'run' }), undefined);
    // The page before was made ready late, and goes on.
    assert.equal(heard({ kind: 'ready', page: 'page 1' }), undefined);
    assert.equal(heard({ kind: 'ready' }), undefined);
    assert.equal(heard({ kind: 'planned', plan: { analysis: 'heads' } }), undefined);
    assert.deepEqual(heard({ kind: 'ready', page: 'page 2' }), { kind: 'ready' });
    const run = { kind: 'run' };
    assert.equal(heard(run), run);
  });
});

describe('the mailbox', () => {
  it('keeps messages until the panel is ready, in order, the opening first', () => {
    const sent: number[] = [];
    const mailbox = new Mailbox<number>((message) => sent.push(message));
    mailbox.post(1);
    mailbox.post(2);
    assert.deepEqual(sent, []);
    mailbox.open([0]);
    mailbox.post(3);
    assert.deepEqual(sent, [0, 1, 2, 3]);
  });

  it('drops what waited for a webview that was made anew', () => {
    const sent: number[] = [];
    const mailbox = new Mailbox<number>((message) => sent.push(message));
    mailbox.post(1);
    mailbox.renew();
    mailbox.open([2]);
    assert.deepEqual(sent, [2]);
  });
});

describe('the mailbox of a hidden webview', () => {
  it('drops what is posted, until the new page is ready', () => {
    const sent: number[] = [];
    const mailbox = new Mailbox<number>((message) => sent.push(message));
    mailbox.open();
    mailbox.hide();
    mailbox.post(1);
    mailbox.renew();
    mailbox.open([2]);
    assert.deepEqual(sent, [2]);
  });
});

describe('an export', () => {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

  it('is written as its bytes, in whatever form it came', () => {
    assert.equal(text(exportBytes('a,b\n1,2\n')), 'a,b\n1,2\n');
    assert.deepEqual([...exportBytes(new Uint8Array([137, 80]))], [137, 80]);
    assert.deepEqual([...exportBytes('data:image/png;base64,iVA=')], [137, 80]);
    assert.equal(text(exportBytes('data:image/svg+xml;charset=utf-8,%3Csvg%2F%3E')), '<svg/>');
  });
});
