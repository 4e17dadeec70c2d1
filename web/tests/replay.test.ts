import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventReplay } from '../src/state/replay';

function question<Answer>(): { asked: Promise<Answer>; answer: (value: Answer) => void; fail: (why: Error) => void } {
  let answer!: (value: Answer) => void;
  let fail!: (why: Error) => void;
  const asked = new Promise<Answer>((resolve, reject) => ([answer, fail] = [resolve, reject]));
  return { asked, answer, fail };
}

test('an answer that an event has overtaken does not undo it', async () => {
  const replay = new EventReplay();
  let value = 'first';
  const { asked, answer } = question<string>();
  const done = replay.ask(asked, (old) => (value = old));
  replay.arrived(() => (value = 'newest'));
  assert.equal(value, 'newest');
  answer('older');
  await done;
  assert.equal(value, 'newest');
});

test('an event from before the question is not done again', async () => {
  const replay = new EventReplay();
  let value = '';
  replay.arrived(() => (value = 'old'));
  await replay.ask(Promise.resolve('answer'), (answer) => (value = answer));
  assert.equal(value, 'answer');
});

test('a question that fails leaves what events said, and is told', async () => {
  const replay = new EventReplay();
  let times = 0;
  const { asked, fail } = question<string>();
  const done = replay.ask(asked, () => assert.fail('no answer came'));
  replay.arrived(() => (times += 1));
  fail(new Error('gone'));
  await assert.rejects(done, /gone/);
  replay.arrived(() => (times += 1));
  assert.equal(times, 2);
});

test('an older answer that a newer one has overtaken is not taken', async () => {
  const replay = new EventReplay();
  let value = '';
  const older = question<string>();
  const newer = question<string>();
  const both = [older, newer].map(({ asked }) => replay.ask(asked, (answer) => (value = answer)));
  newer.answer('newer');
  await both[1];
  older.answer('older');
  await Promise.all(both);
  assert.equal(value, 'newer');
});
