// Answers and events come by different connections: an answer may arrive after an event that is newer than it. So what
// the events say while a question is under way is done again after its answer. The events are in order among
// themselves and tell every change, so the last word is always the newest.
export class EventReplay {
  #heard = new Set<(() => void)[]>();
  #asked = 0;
  #taken = 0;

  // An event arrived: done now, and once more after each answer that is still to come.
  arrived(apply: () => void): void {
    for (const list of this.#heard) list.push(apply);
    apply();
  }

  // Rejects as the question does; the events stand then as they were. An answer that a later question's answer has
  // overtaken is not taken.
  async ask<Answer>(question: Promise<Answer>, take: (answer: Answer) => void): Promise<void> {
    const list: (() => void)[] = [];
    const number = ++this.#asked;
    this.#heard.add(list);
    try {
      const answer = await question;
      if (number < this.#taken) return;
      this.#taken = number;
      take(answer);
      for (const apply of list) apply();
    } finally {
      this.#heard.delete(list);
    }
  }
}
