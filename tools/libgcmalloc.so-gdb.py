# libgcmalloc.so-gdb.py -- what gdb shows of a process, or a core file, with
# the library: "info gcmalloc", "gcmalloc block ADDRESS" and others.
#
# gdb loads it by its name when it finds the library; see the section GDB of
# libgcmalloc(7).  Nothing of the process is ever called: all is read from
# memory, so that a core file does as well.
#
# Of a library without debug information there is less: what it says of itself
# (struct gcm_about, found by its head) and the heap's tables.

import struct

import gdb

# As core/table.h has them.
ZONE_WINDOW = 0x608000000000
ZONE_LIMIT = 0x700000000000
PAGE_SHIFT, PAGE_SIZE, GRANULE = 13, 1 << 13, 16
RECORD = struct.Struct('<IBBHQIIII')
BODY, SMALL, LARGE, RUN, TAIL = 1, 2, 3, 4, 5
GUARDED = 4
SPAN_PAGES = 16
FIRST_OWNER = 2

ABOUT_HEAD = b'gcmalloc about '
DEFAULT_SIGNAL = 62


def read(addr, size):
    """Memory of the process, or None where there is none."""
    try:
        return bytes(gdb.selected_inferior().read_memory(addr, size))
    except gdb.error:
        return None


def value(expression):
    """Of an expression, or None: no such symbol, no debug information."""
    try:
        found = gdb.parse_and_eval(expression)
        if found.type.code == gdb.TYPE_CODE_ERROR:
            return None
        found.fetch_lazy()
        return found
    except gdb.error:
        return None


def number(expression):
    found = value(expression)
    try:
        return None if found is None else int(found)
    except gdb.error:
        return None


def static_value(function, name):
    """A static variable of the file that has the function."""
    try:
        symbol = gdb.lookup_global_symbol(function)
        if symbol is None:
            return None
        found = symbol.symtab.static_block()
        for candidate in found:
            if candidate.name == name:
                return candidate.value()
    except (gdb.error, RuntimeError):
        pass
    return None


def bytes_text(count):
    for unit, shift in (('GiB', 30), ('MiB', 20), ('KiB', 10)):
        if abs(count) >= 1 << shift:
            return '%.1f %s' % (count / (1 << shift), unit)
    return '%d bytes' % count


def choice_text(kind, numeral):
    """The enumerator's name, without its prefix."""
    try:
        for field in gdb.lookup_type(kind).fields():
            if field.enumval == numeral:
                return field.name.split('_', 2)[-1].lower()
    except gdb.error:
        pass
    return str(numeral)


# --- the heap's tables ------------------------------------------------------

def state_text(state):
    """What a slot's state byte says; core/table.h, enum gcm_state."""
    fixed = {0: 'no slot starts here', 1: 'free', 2: 'free, in a thread cache',
             3: 'freed, its pages lost'}
    if state in fixed:
        return fixed[state]
    words = []
    if state & 0x80:
        words.append('allocated')
    elif state & 0x40:
        words.append('allocated, pages altered' if state & 4
                     else 'allocated, sampled')
    elif state & 0x20:
        words.append('freed, in quarantine')
    elif state & 0x10:
        words.append('unreachable, due' if state & 4
                     else 'unreachable, in limbo')
    else:
        return 'not a state: 0x%02x' % state
    if state & 8:
        words.append('not scanned')
    words.append('colour %d' % (state & 3))
    return ', '.join(words)


class Page:
    """The record of the page that an address is on."""

    def __init__(self, addr):
        self.base = addr & ~(PAGE_SIZE - 1)
        raw = read((addr >> (PAGE_SHIFT - 5)) & ~31, RECORD.size)
        self.there = raw is not None
        (self.tag, self.kind, self.flags, _, self.hints, self.n, self.carved,
         _, _) = RECORD.unpack(raw or bytes(RECORD.size))
        self.class_id, self.owner = self.tag & 0xff, self.tag >> 8


def find_large(addr):
    """The first page of the large block; the records between may be blank."""
    page = Page(addr)
    if page.kind == LARGE:
        return page
    at = addr >> PAGE_SHIFT
    while at > ZONE_WINDOW >> PAGE_SHIFT:
        count = min(at - (ZONE_WINDOW >> PAGE_SHIFT), 4096)
        raw = read((at - count) * 32, count * 32)
        while raw is None and count > 1:
            count //= 2
            raw = read((at - count) * 32, count * 32)
        if raw is None:
            return None
        for i in range(count - 1, -1, -1):
            kind = raw[i * 32 + 4]
            if kind in (SMALL, RUN):
                return None
            if kind == LARGE:
                first = Page((at - count + i) << PAGE_SHIFT)
                reach = first.base + (first.n << PAGE_SHIFT)
                return first if addr < reach else None
        at -= count
    return None


def find_span(addr):
    page = Page(addr)
    if page.kind == BODY and page.n < SPAN_PAGES:
        return Page(page.base - (page.n << PAGE_SHIFT))
    return page if page.kind == SMALL else None


def class_size(class_id, span):
    size = number('gcm_classes[%d].size' % class_id)
    if size:
        return size
    # By where slots start: the least distance of two.
    length = (span.n or 1) << PAGE_SHIFT
    states = read(span.base >> 4, length >> 4) or b''
    starts = [i for i, state in enumerate(states) if state != 0]
    steps = [b - a for a, b in zip(starts, starts[1:])]
    return min(steps) * GRANULE if steps else None


def thread_text(pointer):
    """The thread that has this thread pointer."""
    shown = gdb.selected_thread()
    text = 'a thread that has ended'
    for thread in gdb.selected_inferior().threads():
        try:
            thread.switch()
            frame = gdb.newest_frame()
            for name in ('fs_base', 'tpidr'):
                try:
                    if int(frame.read_register(name)) == pointer:
                        text = 'thread %d (LWP %d)' % (thread.num,
                                                       thread.ptid[1])
                except ValueError:
                    pass
        except gdb.error:
            continue
    if shown is not None:
        shown.switch()
    return text


def owner_text(owner):
    if owner < FIRST_OWNER:
        return 'no thread: its owner has ended'
    registry = static_value('gcm_cache_set_colour', 'registry')
    cache = registry['all'] if registry is not None else None
    while cache is not None and int(cache) != 0:
        if int(cache['id']) == owner:
            pointer = int(cache['tp'])
            return 'cache %d of %s' % (
                owner, thread_text(pointer) if pointer else 'nobody now')
        cache = cache['next']
    return 'cache %d' % owner


def describe_block(addr):
    if not ZONE_WINDOW <= addr < ZONE_LIMIT or not Page(addr).there:
        return ['0x%x is not in the heap' % addr]
    page = Page(addr)
    if page.tag == 0:
        first = find_large(addr)
        if first is None:
            return ['0x%x: no block, a free page of the heap' % addr]
        size = (first.n - bool(first.flags & GUARDED)) << PAGE_SHIFT
        start, what, owner = first.base, 'large', None
    else:
        span = find_span(addr)
        size = class_size(page.class_id, span) if span else None
        if size is None:
            return ['0x%x: in a span of class %d' % (addr, page.class_id)]
        start = span.base + (addr - span.base) // size * size
        what, owner = 'class %d' % page.class_id, page.owner
    raw = read(start >> 4, 1)
    state = raw[0] if raw else 0
    lines = ['block 0x%x, %d bytes, %s' % (start, size, what),
             'offset  %d' % (addr - start),
             'state   0x%02x: %s' % (state, state_text(state))]
    now = number('gcm_cycle.colour')
    if now is not None and state & 0xd0:
        lines[-1] += (', of this cycle' if state & 3 == now
                      else ', of a cycle before')
    if owner is not None:
        lines.append('owner   ' + owner_text(owner))
    return lines


# --- what the library says of itself ----------------------------------------

def find_library():
    for objfile in gdb.objfiles():
        if objfile.filename and 'libgcmalloc.so' in objfile.filename:
            return objfile
    return None


def data_ranges():
    """Where the library's writable data may be."""
    found = []
    try:
        listing = gdb.execute('info files', to_string=True)
    except gdb.error:
        return found
    for line in listing.splitlines():
        words = line.split()
        if ('libgcmalloc.so' in line and ' is .' in line and
                words[4] in ('.data', '.bss')):
            found.append((int(words[0], 16), int(words[2], 16)))
    return found


def find_about():
    """The address of struct gcm_about and the bytes of it, or None."""
    for lo, hi in data_ranges():
        raw = read(lo, hi - lo) or b''
        at = raw.find(ABOUT_HEAD)
        while at >= 0:
            if (lo + at) % 16 == 0:
                return raw[at:at + 4096]
            at = raw.find(ABOUT_HEAD, at + 1)
    return None


def text_at(addr):
    raw = read(addr, 200) if addr else None
    while raw is None and addr and addr % 4096 > 4096 - 200:
        raw = read(addr, 4096 - addr % 4096)
    return (raw or b'').split(b'\0')[0].decode('ascii', 'replace')


# As core/about.def has them; T: a text.
ABOUT_ROWS = ('version T', 'malloc T', 'mode', 'concurrent', 'off T',
              'back_end T', 'instead T', 'error', 'cycles', 'abandoned',
              'in_vain', 'why T', 'reclaimed', 'alarmed')


def read_about():
    raw = find_about()
    about = {}
    if raw is None:
        return about
    words = struct.unpack_from('<%dQ' % len(ABOUT_ROWS), raw, 24)
    for row, word in zip(ABOUT_ROWS, words):
        name = row.split()[0]
        about[name] = text_at(word) if row.endswith(' T') else word
    return about


# --- info gcmalloc ----------------------------------------------------------

def heap_lines():
    zone = value('gcm_zone')
    if zone is None:
        return []
    state = value('gcm_cycle')
    stat = state['stat']
    heap = int(state['base']) + max(int(state['net']), 0)
    return ['heap      %s, zone 0x%x to 0x%x (%s)' % (
                bytes_text(heap), int(zone['lo']), int(zone['hi']),
                bytes_text(int(zone['hi']) - int(zone['lo']))),
            'goal      %s; a collection begins at %s' % (
                bytes_text(int(state['pace']['goal'])),
                bytes_text(int(state['trigger']))),
            'last      %s live, %s in limbo' % (
                bytes_text(int(stat['live_bytes'])),
                bytes_text(int(stat['limbo_bytes'])))]


def phase_text(state):
    if number('gcm_stop_word & 1'):
        return 'the world is stopped, or about to be'
    if state['active']:
        return 'marking or sweeping'
    return 'idle'


def cycle_lines():
    state = value('gcm_cycle')
    if state is None:
        return []
    stat = state['stat']
    thread = {0: 'off', 1: 'on', 2: 'disabled for good'}
    lines = ['cycle     %d began, %d ended, %d given up: %s' % (
        int(state['number']), int(stat['cycles']), int(stat['abandoned']),
        phase_text(state))]
    lines.append('collector %s, back end %s' % (
        thread.get(int(state['state']), '?'),
        text_at(int(stat['back_end'])) or 'not chosen yet'))
    lines.append('pauses    %d, the longest %.3f ms, all %.3f ms' % (
        int(stat['npauses']), int(stat['pause_max_ns']) / 1e6,
        int(stat['pause_total_ns']) / 1e6))
    lines.append('reclaimed %s in %d blocks' % (
        bytes_text(int(stat['reclaimed_bytes'])),
        int(stat['reclaimed_blocks'])))
    if int(state['alarmed']):
        lines.append('late free: nothing is reclaimed any more')
    return lines


def thread_lines():
    record = static_value('gcm_thread_first', 'first')
    known = {thread.ptid[1]: thread.num
             for thread in gdb.selected_inferior().threads()}
    lines = []
    while record is not None and int(record) != 0:
        tid = int(record['tid'])
        if tid in known:
            lines.append('thread %d (LWP %d): %s' % (
                known[tid], tid, 'in a blocked-safe call, stack from 0x%x' %
                int(record['sp']) if int(record['blocked']) else 'running'))
        record = record['next']
    return sorted(lines, key=lambda line: int(line.split()[1]))


def describe():
    library = find_library()
    about = read_about()
    if library is None and not about:
        return ['The library is not in this process.']
    lines = ['library   %s %s' % (about.get('version', ''),
                                  library.filename if library else '')]
    if about.get('malloc') == 'other':
        lines.append('malloc    the program calls another one')
    if about.get('off'):
        lines.append('off       %s' % about['off'])
    lines += heap_lines()
    more = cycle_lines()
    if more:
        lines += more + thread_lines()
    elif about:
        lines.append('cycles    %d ended, %d given up, back end %s, %s '
                     'reclaimed' % (about['cycles'], about['abandoned'],
                                    about['back_end'] or 'not chosen yet',
                                    bytes_text(about['reclaimed'])))
        if about['alarmed']:
            lines.append('late free: nothing is reclaimed any more')
        lines.append('More is known where the library has its debug '
                     'information.')
    else:
        lines.append('No debug information, and not a library that this '
                     'script knows.')
    if about.get('why'):
        lines.append('given up  the last one: %s' % about['why'])
    return lines


# --- commands ---------------------------------------------------------------

class InfoGcmalloc(gdb.Command):
    """Heap, collector, cycles and threads as libgcmalloc sees them."""

    def __init__(self):
        super().__init__('info gcmalloc', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        print('\n'.join(describe()))


class Gcmalloc(gdb.Command):
    """Commands about the heap of libgcmalloc."""

    def __init__(self):
        super().__init__('gcmalloc', gdb.COMMAND_DATA, prefix=True)


class GcmallocBlock(gdb.Command):
    """Which block an address is in: gcmalloc block ADDRESS
Any address in the block will do; an expression of the program's language."""

    def __init__(self):
        super().__init__('gcmalloc block', gdb.COMMAND_DATA,
                         gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError('Which address?')
        addr = int(gdb.parse_and_eval(argument).cast(
            gdb.lookup_type('unsigned long')))
        print('\n'.join(describe_block(addr)))


def pass_signal(signal):
    gdb.execute('handle SIG%d nostop noprint pass' % signal, to_string=True)


class GcmallocIgnoreSignal(gdb.Command):
    """Have gdb pass the signal that stops threads: gcmalloc ignore-signal [N]
It is SIG62, unless GCM_SIGNAL says otherwise or the program uses it."""

    def __init__(self):
        super().__init__('gcmalloc ignore-signal', gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        stop = static_value('gcm_stop_signal', 'stop')
        signal = int(stop['signal']) if stop is not None else 0
        if argument:
            signal = int(argument)
        pass_signal(signal or DEFAULT_SIGNAL)


class StateFunction(gdb.Function):
    """$gcm_state(BYTE): what the state of a slot says, in words."""

    def __init__(self):
        super().__init__('gcm_state')

    def invoke(self, state):
        return state_text(int(state) & 0xff)


# --- printers ---------------------------------------------------------------

class PagePrinter:
    def __init__(self, page):
        self.page = page

    def to_string(self):
        kinds = ('nothing', 'body', 'small', 'large', 'free run', 'tail')
        kind, tag = int(self.page['kind']), int(self.page['tag'])
        text = kinds[kind] if kind < len(kinds) else 'kind %d' % kind
        if tag:
            text += ', class %d, owner %d' % (tag & 0xff, tag >> 8)
        return '%s, n %d, carved %d, hints 0x%x' % (
            text, int(self.page['n']), int(self.page['carved']),
            int(self.page['hints']))


class CyclePrinter:
    def __init__(self, state):
        self.state = state

    def to_string(self):
        return 'cycle %d, colour %d, %s' % (
            int(self.state['number']), int(self.state['colour']),
            phase_text(self.state))

    def children(self):
        for name in ('base', 'net', 'trigger', 'assist', 'wish', 'given_up',
                     'alarmed', 'pace', 'stat'):
            yield name, self.state[name]


def find_printer(found):
    printers = {'gcm_page': PagePrinter, 'gcm_cycle_state': CyclePrinter}
    kind = found.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag not in printers:
        return None
    return printers[kind.tag](found)


def note_stop(event):
    """A stop by our signal, where it is not the usual one: once, no more."""
    if not isinstance(event, gdb.SignalEvent):
        return
    stop = static_value('gcm_stop_signal', 'stop')
    if stop is None or event.stop_signal != 'SIG%d' % int(stop['signal']):
        return
    pass_signal(int(stop['signal']))
    print('%s is how libgcmalloc stops threads: gdb will pass it from now on; '
          'continue.' % event.stop_signal)


def load():
    InfoGcmalloc()
    Gcmalloc()
    GcmallocBlock()
    GcmallocIgnoreSignal()
    StateFunction()
    library = gdb.current_objfile() or find_library()
    printers = library.pretty_printers if library else gdb.pretty_printers
    printers.append(find_printer)
    gdb.events.stop.connect(note_stop)
    pass_signal(DEFAULT_SIGNAL)


load()
