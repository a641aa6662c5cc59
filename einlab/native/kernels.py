"""plain kernels stand-in"""
from __future__ import annotations
from einlab.native.compiled import helper, load64, reserve, store64
from numba import types
from numba.extending import intrinsic
from llvmlite import ir

def _ld(kind, res):
    def code(context, builder, signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], kind.as_pointer()))
    return intrinsic(lambda context, address: (res(types.int64), code))
def _st(kind, res):
    def code(context, builder, signature, arguments):
        builder.store(arguments[1], builder.inttoptr(arguments[0], kind.as_pointer()))
        return context.get_dummy_value()
    return intrinsic(lambda context, address, value: (types.void(types.int64, res), code))
ldf=_ld(ir.FloatType(), types.float32); ldd=_ld(ir.DoubleType(), types.float64)
stf=_st(ir.FloatType(), types.float32); std=_st(ir.DoubleType(), types.float64)

def make(ld, st, size, res):
    @helper
    def run(axes, n, add, a, b, c):
        total=1
        pos=reserve(64)
        for i in range(n):
            total*=load64(axes+32*i); store64(pos+8*i,0)
        # zero
        if add==0:
            _walk0(axes,n,c,pos,total)
        pa=a; pb=b; pc=c
        for i in range(n): store64(pos+8*i,0)
        for e in range(total):
            v=ld(pa)
            if b!=0: v=v*ld(pb)
            st(pc, ld(pc)+v)
            i=n-1
            while i>=0:
                x=load64(pos+8*i)+1
                pa+=size*load64(axes+32*i+8); pb+=size*load64(axes+32*i+16); pc+=size*load64(axes+32*i+24)
                if x<load64(axes+32*i):
                    store64(pos+8*i,x); break
                pa-=size*x*load64(axes+32*i+8); pb-=size*x*load64(axes+32*i+16); pc-=size*x*load64(axes+32*i+24)
                store64(pos+8*i,0); i-=1
    @helper
    def _walk0(axes,n,c,pos,total):
        pc=c
        for e in range(total):
            st(pc, res(0))
            i=n-1
            while i>=0:
                x=load64(pos+8*i)+1
                pc+=size*load64(axes+32*i+24)
                if x<load64(axes+32*i):
                    store64(pos+8*i,x); break
                pc-=size*x*load64(axes+32*i+24)
                store64(pos+8*i,0); i-=1
    @helper
    def product(desc,a,b,c,scratch,t,T):
        if t>0: return
        n=load64(desc)+load64(desc+8)+load64(desc+16)+load64(desc+24)
        run(desc+40, n, load64(desc+32), a,b,c)
    @helper
    def strided(desc,a,b,c,scratch,t,T):
        if t>0: return
        run(desc+16, load64(desc), load64(desc+8), a,b,c)
    @helper
    def fill(c,n):
        for i in range(n): st(c+size*i, res(0))
    return product,strided,fill
import numba
product_f32,strided_f32,fill_f32=make(ldf,stf,4,numba.float32)
product_f64,strided_f64,fill_f64=make(ldd,std,8,numba.float64)
@helper
def product_tasks(desc,size): return 1
@helper
def product_scratch(desc,size): return 0
@helper
def strided_tasks(desc,size): return 1
@helper
def strided_scratch(desc,size): return 0
